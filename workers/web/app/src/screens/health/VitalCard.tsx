import { useState } from "react";
import { Button } from "react-aria-components";
import type { Vital } from "../../api/vitals/vital";
import { useNow } from "../../time/useNow";
import { Icon } from "../../ui/Icon";
import { Figure } from "./Figure";
import { Age, Source } from "./Origin";
import { StatusChip } from "./StatusChip";
import { presentStatusLook, ratedStatus } from "./status";
import styles from "./VitalCard.module.css";
import { kindOf } from "./vitalKinds";

/** One vital: what it is now, how that is, how old it is and where it comes from. Pressing it shows its history. */
export function VitalCard({ vital, onShowHistory }: { vital: Vital; onShowHistory: () => void }) {
  const { name, icon } = kindOf(vital);
  const status = presentStatusLook(ratedStatus(vital), vital.recordedAt, useNow());
  return (
    <article className={styles.card} aria-label={name} data-testid={`vital-${vital.kind}`}>
      <div className={styles.inside}>
        <span className={styles.picture}>
          <Icon name={icon} />
        </span>
        <h2 className={styles.name}>{name}</h2>
        <ArrivingFigure vital={vital} />
        <p className={styles.status}>
          <StatusChip {...status} />
        </p>
        <p className={styles.origin}>
          <Age recordedAt={vital.recordedAt} />
          <Source source={vital.source} />
        </p>
        <Icon name="chevron" className={styles.chevron} />
      </div>
      <Button
        className={styles.open ?? ""}
        aria-label={`History of ${name.toLowerCase()}`}
        onPress={onShowHistory}
      />
    </article>
  );
}

/** A reading that came in while the page was open lights up once, so that one sees what changed. */
function ArrivingFigure({ vital }: { vital: Vital }) {
  const [firstId] = useState(vital.id);
  const hasArrived = vital.id !== firstId;
  return (
    <p key={vital.id} className={`${styles.figure} ${hasArrived ? styles.arrived : ""}`}>
      <Figure vital={vital} />
    </p>
  );
}
