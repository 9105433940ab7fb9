import type { Vital } from "../../api/vitals/vital";
import { Figure } from "./Figure";
import { Source, TimeOfDay } from "./Origin";
import styles from "./ReadingList.module.css";
import { StatusChip } from "./StatusChip";
import { ratedStatus, statusLook } from "./status";
import { kindOf } from "./vitalKinds";

/** Readings of one day under one another; `named` when they are of several kinds. */
export function ReadingList({ vitals, named = false }: { vitals: readonly Vital[]; named?: boolean }) {
  return (
    <ul>
      {vitals.map((vital) => (
        <li key={vital.id} className={styles.reading}>
          {named && <p className={styles.name}>{kindOf(vital).name}</p>}
          <p className={styles.figure}>
            <Figure vital={vital} />
          </p>
          <p className={styles.status}>
            <StatusChip {...statusLook(ratedStatus(vital))} />
          </p>
          <p className={styles.origin}>
            <TimeOfDay recordedAt={vital.recordedAt} />
            {!named && <Source source={vital.source} />}
          </p>
          {vital.notes && <p className={styles.notes}>“{vital.notes}”</p>}
        </li>
      ))}
    </ul>
  );
}
