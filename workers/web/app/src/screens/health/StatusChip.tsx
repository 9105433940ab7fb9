import { Icon } from "../../ui/Icon";
import styles from "./StatusChip.module.css";
import type { StatusLook } from "./status";

export function StatusChip({ words, tone, icon }: StatusLook) {
  return (
    <span className={`${styles.chip} ${styles[tone]}`} data-testid="status" data-tone={tone}>
      <Icon name={icon} />
      {words}
    </span>
  );
}
