import { useQuery } from "@tanstack/react-query";
import { useLiveStatus } from "../api/live/LiveProvider";
import type { Presence } from "../api/live/link";
import { latestVitals } from "../api/vitals/queries";
import { ageText } from "../time/age";
import { useNow } from "../time/useNow";
import { Icon } from "../ui/Icon";
import styles from "./ConnectionStatus.module.css";

const WORDS: Record<Presence, string> = {
  connecting: "Connecting…",
  live: "Live",
  reconnecting: "Reconnecting…",
  offline: "Offline",
};

/** Whether what is shown is live, and if not, how old it is. */
export function ConnectionStatus() {
  const { presence } = useLiveStatus();
  return (
    <div
      className={`${styles.connection} ${styles[presence]}`}
      data-testid="connection"
      data-presence={presence}
    >
      <Mark presence={presence} />
      <span className={styles.words}>
        <span role="status">{WORDS[presence]}</span>
        {/* Outside the status, which is read aloud at each change: an age that ticks would be read every minute. */}
        {presence !== "live" && <AsOf />}
      </span>
    </div>
  );
}

function Mark({ presence }: { presence: Presence }) {
  if (presence === "live") return <span className={styles.dot} aria-hidden="true" />;
  return <Icon name={presence === "offline" ? "away" : "retry"} className={styles.icon} />;
}

function AsOf() {
  const { dataUpdatedAt } = useQuery(latestVitals);
  const now = useNow();
  if (dataUpdatedAt === 0) return null;
  return (
    <span className={styles.age}>
      as of {ageText(dataUpdatedAt, now).replace("just now", "a moment ago")}
    </span>
  );
}
