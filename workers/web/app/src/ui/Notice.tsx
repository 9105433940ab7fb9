import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";
import styles from "./Notice.module.css";

interface Props {
  title: string;
  icon: IconName;
  tone: "warning" | "news";
  testId: string;
  children?: ReactNode;
  /** What can be done about it. */
  actions?: ReactNode;
}

/** A sentence or two that matter now, above everything else. */
export function Notice({ title, icon, tone, testId, children, actions }: Props) {
  return (
    <section className={`${styles.notice} ${styles[tone]}`} aria-label={title} data-testid={testId}>
      <div className={styles.words}>
        <p className={styles.title}>
          <Icon name={icon} className={styles.icon} />
          {title}
        </p>
        {children && <p>{children}</p>}
      </div>
      {actions && <div className={styles.actions}>{actions}</div>}
    </section>
  );
}
