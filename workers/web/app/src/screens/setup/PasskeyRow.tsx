import { useState } from "react";
import type { Passkey } from "../../api/access/passkeys/passkey";
import { ageText, type Instant } from "../../time/age";
import { dayText } from "../../time/calendar";
import { useNow } from "../../time/useNow";
import { Button } from "../../ui/Button";
import { Confirm } from "./Confirm";
import styles from "./setup.module.css";

/** A passkey, called after the device that made it. */
export function PasskeyRow({ passkey, onRemove }: { passkey: Passkey; onRemove: () => void }) {
  const now = useNow();
  const [asked, setAsked] = useState(false);
  const { deviceName, isOwn, host, madeAt, lastUsedAt } = passkey;
  const made = madeText(madeAt, now);
  const used = lastUsedAt === null ? "Not used yet" : `Last used ${ageText(lastUsedAt, now)}`;
  return (
    <li className={styles.device}>
      <div className={styles.words}>
        <p className={styles.name}>
          {deviceName}
          {isOwn && " (this device)"}
        </p>
        <p className={styles.soft}>
          {made} · {used}
        </p>
        {host !== window.location.hostname && <p className={styles.soft}>For {host}</p>}
      </div>
      {asked ? (
        <Confirm
          question="Remove this passkey? Nobody comes in with it any more. Devices that are in stay in."
          yes="Remove"
          onYes={() => {
            setAsked(false);
            onRemove();
          }}
          onNo={() => setAsked(false)}
        />
      ) : (
        <Button aria-label={`Remove the passkey of ${deviceName}, ${made}`} onPress={() => setAsked(true)}>
          Remove
        </Button>
      )}
    </li>
  );
}

/** "Made today", "Made on Saturday 1 March". */
function madeText(at: Instant | null, now: Instant): string {
  if (at === null) return "Made at an unknown time";
  const day = dayText(at, now);
  return day === "Today" || day === "Yesterday" ? `Made ${day.toLowerCase()}` : `Made on ${day}`;
}
