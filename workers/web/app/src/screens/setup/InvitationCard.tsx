import { useQueryClient } from "@tanstack/react-query";
import type { Invitation } from "../../api/access/device";
import { devices } from "../../api/access/queries";
import { useNow } from "../../time/useNow";
import { Button } from "../../ui/Button";
import { QrCode } from "./QrCode";
import styles from "./setup.module.css";
import { timeLeftText } from "./timeLeft";

/** The code three ways: to point a camera at, to send, and to read out. */
export function InvitationCard({ invitation, onDone }: { invitation: Invitation; onDone: () => void }) {
  const queries = useQueryClient();
  // The page's clock moves in steps, and may stand before the code was made.
  const left = timeLeftText(invitation.expiresAt, Math.max(useNow(), invitation.madeAt));
  const done = () => {
    void queries.invalidateQueries({ queryKey: devices.queryKey });
    onDone();
  };
  if (left === null) {
    return (
      <div className={styles.card}>
        <p role="status">This code has expired.</p>
        <Button look="main" onPress={done}>
          Make another
        </Button>
      </div>
    );
  }
  return (
    <div className={styles.card}>
      <p>On the other device, point the camera here:</p>
      <QrCode text={invitation.url} />
      <p>or open this link:</p>
      <a className={styles.link} href={invitation.url}>
        {invitation.url}
      </a>
      {invitation.note && <p className={styles.trouble}>{invitation.note}</p>}
      <p>or type this code there:</p>
      <p className={styles.code} data-testid="invitation-code">
        {invitation.code}
      </p>
      <p>
        It works once, for <strong>{left}</strong>. Give it only to the person you mean.
      </p>
      <Button onPress={done}>Done</Button>
    </div>
  );
}
