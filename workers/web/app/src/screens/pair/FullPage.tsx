import type { ReactNode } from "react";
import { homeName } from "../../app/home";
import { Icon } from "../../ui/Icon";
import styles from "./pair.module.css";

/** A page without the way around: there is nowhere to go yet. */
export function FullPage({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className={styles.page}>
      <p className={styles.home}>
        <Icon name="house" />
        {homeName()}
      </p>
      <h1 className={styles.title}>{title}</h1>
      {children}
    </main>
  );
}
