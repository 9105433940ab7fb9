import type { Vital } from "../../api/vitals/vital";
import styles from "./Figure.module.css";
import { readingOf } from "./reading";

/** "118/76 mmHg" for the eye, "118 over 76 millimetres of mercury" for the ear. */
export function Figure({ vital }: { vital: Vital }) {
  const { figure, unit, spoken } = readingOf(vital);
  return (
    <>
      <span aria-hidden="true" className={styles.figure}>
        {figure} {unit && <span className={styles.unit}>{unit}</span>}
      </span>
      <span className="sr-only">{spoken}</span>
    </>
  );
}
