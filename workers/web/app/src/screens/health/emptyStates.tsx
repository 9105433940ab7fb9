// What the screen says when there is no reading to show, and why there is none.
import type { ReactNode } from "react";
import { Button } from "../../ui/Button";
import { Icon, type IconName } from "../../ui/Icon";
import styles from "./emptyStates.module.css";

export function NoReadings() {
  return (
    <Page icon="heart" title="No readings yet" testId="no-readings">
      <p>Take a measurement with a device that is connected to this hub, such as a blood pressure cuff.</p>
      <p>It appears here by itself. There is nothing to press.</p>
    </Page>
  );
}

/** The hub knows this device, and was told not to show it readings. */
export function NotShared() {
  return (
    <Page icon="people" title="Readings are not shared with this device" testId="not-shared">
      <p>The resident, or who speaks for them, decides who sees readings. Ask them if you need to.</p>
      <p>Should they be shared again, they appear here by themselves.</p>
    </Page>
  );
}

/** Nothing is known: which is not the same as "no readings". */
export function NoAnswer({ onRetry }: { onRetry: () => void }) {
  return (
    <Page icon="away" title="The hub can’t be reached" testId="no-answer">
      <p>Readings will appear as soon as it answers. This page keeps trying by itself.</p>
      <p>If this lasts: is the hub switched on, and is this device on the home’s network?</p>
      <Button look="main" onPress={onRetry}>
        <Icon name="retry" />
        Try now
      </Button>
    </Page>
  );
}

export function Waiting() {
  return (
    <div className={styles.patience}>
      <Page icon="heart" title="Looking for the latest readings…" testId="waiting" />
    </div>
  );
}

interface PageProps {
  icon: IconName;
  title: string;
  testId: string;
  children?: ReactNode;
}

function Page({ icon, title, testId, children }: PageProps) {
  return (
    <section className={styles.page} aria-labelledby="state" data-testid={testId}>
      <span className={styles.picture}>
        <Icon name={icon} />
      </span>
      <h1 id="state" className={styles.title}>
        {title}
      </h1>
      {children}
    </section>
  );
}
