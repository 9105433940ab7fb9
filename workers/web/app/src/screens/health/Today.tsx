import { useQuery } from "@tanstack/react-query";
import { todaysVitals } from "../../api/vitals/queries";
import { ReadingList } from "./ReadingList";
import styles from "./Today.module.css";

/** What was measured today, newest first. */
export function Today() {
  const { data: vitals, isError } = useQuery(todaysVitals);
  return (
    <section className={styles.today} aria-labelledby="today" data-testid="today">
      <h2 id="today" className={styles.title}>
        Today
      </h2>
      {vitals && vitals.length > 0 && <ReadingList vitals={vitals} named />}
      {vitals?.length === 0 && <p className={styles.word}>Nothing measured yet today.</p>}
      {!vitals && isError && <p className={styles.word}>Today’s list could not be loaded. Trying again.</p>}
    </section>
  );
}
