import { FullPage } from "./FullPage";
import { PairForm } from "./PairForm";
import styles from "./pair.module.css";

/** All that a device sees that the hub does not know, or not any more. */
export function NotPairedScreen({ onPaired }: { onPaired: () => void }) {
  return (
    <FullPage title="This device is not paired yet">
      <p>To see anything here, it needs a code. A code works once, within 5 minutes.</p>
      <ul className={styles.ways}>
        <li>
          <strong>Ask somebody who has access:</strong> on their device, Setup, then Invite.
        </li>
        <li>
          <strong>Or on the hub itself:</strong> run <code>betti-api pair --role resident</code>
        </li>
      </ul>
      <PairForm onPaired={onPaired} />
    </FullPage>
  );
}
