// How old a reading is and where it comes from.
import { ageText, type Instant } from "../../time/age";
import { dayText, timeText } from "../../time/calendar";
import { useNow } from "../../time/useNow";
import { Icon } from "../../ui/Icon";
import styles from "./Origin.module.css";
import { sourceOf } from "./source";

export function Age({ recordedAt }: { recordedAt: Instant | null }) {
  const now = useNow();
  const words = ageText(recordedAt, now);
  return (
    <span className={styles.fact} data-testid="age">
      <Icon name="clock" />
      {recordedAt === null ? (
        words
      ) : (
        <time
          dateTime={new Date(recordedAt).toISOString()}
          title={`${dayText(recordedAt, now)}, ${timeText(recordedAt)}`}
        >
          {words}
        </time>
      )}
    </span>
  );
}

/** The time of day, for lists that name the day themselves. */
export function TimeOfDay({ recordedAt }: { recordedAt: Instant | null }) {
  return (
    <span className={styles.fact}>
      {recordedAt === null ? (
        "Time unknown"
      ) : (
        <time dateTime={new Date(recordedAt).toISOString()}>{timeText(recordedAt)}</time>
      )}
    </span>
  );
}

export function Source({ source }: { source: string | null }) {
  const { words, icon } = sourceOf(source);
  return (
    <span className={styles.fact} data-testid="source">
      <Icon name={icon} />
      {words}
    </span>
  );
}
