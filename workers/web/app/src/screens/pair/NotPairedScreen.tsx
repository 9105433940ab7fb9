import { useState } from "react";
import { FirstPinScreen } from "./FirstPinScreen";
import { FullPage } from "./FullPage";
import { PairForm } from "./PairForm";
import { PasskeySignIn, PasskeysElsewhere } from "./PasskeySignIn";
import styles from "./pair.module.css";
import { usePasskeyWay } from "./usePasskeyWay";

/** All that a device sees that the hub does not know, or not any more. */
export function NotPairedScreen({ onPaired }: { onPaired: () => void }) {
  const way = usePasskeyWay();
  const [isChoosingPin, setChoosingPin] = useState(false);
  const paired = (needsPin: boolean) => (needsPin ? setChoosingPin(true) : onPaired());
  if (isChoosingPin) return <FirstPinScreen onDone={onPaired} />;
  // What is on top decides where all the rest is: nothing is to move under a finger.
  if (way === "unknown") return null;
  return (
    <FullPage title="This device is not paired yet">
      {way === "here" && <PasskeySignIn onPaired={onPaired} />}
      <p>
        {way === "here" ? "Otherwise it needs a code." : "To see anything here, it needs a code."} A code
        works once, within 5 minutes.
      </p>
      <ul className={styles.ways}>
        <li>
          <strong>Ask somebody who has access:</strong> on their device, Setup, then Invite.
        </li>
        <li>
          <strong>Or on the hub itself:</strong> run <code>betti-api pair --role resident</code>
        </li>
      </ul>
      <PairForm onPaired={paired} />
      {typeof way === "object" && <PasskeysElsewhere at={way.at} />}
    </FullPage>
  );
}
