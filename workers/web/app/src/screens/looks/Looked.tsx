import type { AuditEntry } from "../../api/access/audit";
import { Icon } from "../../ui/Icon";
import styles from "./looks.module.css";

/** One thing that somebody did, in a sentence; which device it was, and from where, for who wants to know. */
export function Looked({ entry: { words, isRefused, device, address } }: { entry: AuditEntry }) {
  return (
    <li className={`${styles.entry} ${isRefused ? styles.refused : ""}`}>
      {isRefused && (
        <p className={styles.mark}>
          <Icon name="warning" />
          Not let in
        </p>
      )}
      <p>{words}</p>
      {(device || address) && (
        <details className={styles.details}>
          <summary>More</summary>
          {device && <p>Device: {device}</p>}
          {address && <p>From: {address}</p>}
        </details>
      )}
    </li>
  );
}
