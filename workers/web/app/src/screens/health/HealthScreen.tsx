import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { isNotShared } from "../../api/request";
import { latestVitals } from "../../api/vitals/queries";
import { NoAnswer, NoReadings, NotShared, Waiting } from "./emptyStates";
import styles from "./HealthScreen.module.css";
import { Today } from "./Today";
import { VitalCard } from "./VitalCard";
import { inOrder } from "./vitalKinds";

/** Dialogs come with a good deal of code that the first screen does not need in order to be seen. */
const HistoryPanel = lazy(() => import("./HistoryPanel"));

/** The newest reading of each vital, live, and what was measured today. */
export function HealthScreen() {
  const { data: vitals, isPending, error, refetch } = useQuery(latestVitals);
  const [shownKind, setShownKind] = useState<string | null>(null);

  if (isPending) return <Waiting />;
  if (isNotShared(error)) return <NotShared />;
  if (!vitals) return error ? <NoAnswer onRetry={() => void refetch()} /> : <Waiting />;
  if (vitals.length === 0) return <NoReadings />;

  const shown = vitals.find(({ kind }) => kind === shownKind);
  return (
    <div className={styles.health}>
      <section aria-labelledby="latest">
        <h1 id="latest" className={styles.title}>
          Health
        </h1>
        <div className={styles.cards}>
          {inOrder(vitals).map((vital) => (
            <VitalCard key={vital.kind} vital={vital} onShowHistory={() => setShownKind(vital.kind)} />
          ))}
        </div>
      </section>
      <Today />
      {shown && (
        <Suspense>
          <HistoryPanel vital={shown} onClose={() => setShownKind(null)} />
        </Suspense>
      )}
    </div>
  );
}
