import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Device, roleTitle } from "../../api/access/device";
import { passkeys } from "../../api/access/passkeys/queries";
import { type Me, me, STRANGER } from "../../api/access/queries";
import { ageText } from "../../time/age";
import { useNow } from "../../time/useNow";
import { Button } from "../../ui/Button";
import { Confirm } from "./Confirm";
import { SharedAreas } from "./SharedAreas";
import styles from "./setup.module.css";

interface Props {
  device: Device;
  isOwn: boolean;
  onRemove: () => void;
}

/** A device that is let in. This one is left and not removed: see below the list. */
export function DeviceRow({ device, isOwn, onRemove }: Props) {
  const now = useNow();
  const [asked, setAsked] = useState(false);
  const { data: self } = useQuery(me);
  const { data: allPasskeys } = useQuery(passkeys);
  const hasPasskey = allPasskeys?.some((passkey) => passkey.device === device.id);
  const used = device.lastUsedAt === null ? "Not used yet" : `Last used ${ageText(device.lastUsedAt, now)}`;
  return (
    <li className={styles.device}>
      <div className={styles.words}>
        <p className={styles.name}>
          {device.name}
          {isOwn && " (this device)"}
        </p>
        <p className={styles.soft}>
          {roleTitle(device.role)} · {used}
        </p>
      </div>
      {!isOwn && !asked && (
        <Button aria-label={`Remove ${device.name}`} onPress={() => setAsked(true)}>
          Remove
        </Button>
      )}
      {!isOwn && speaksForResident(self) && <SharedAreas device={device} />}
      {asked && (
        <Confirm
          question={`Remove ${device.name}? It is shut out at once${hasPasskey ? ", and its passkeys open nothing any more" : ""}.`}
          yes="Remove"
          onYes={() => {
            setAsked(false);
            onRemove();
          }}
          onNo={() => setAsked(false)}
        />
      )}
    </li>
  );
}

/** Nobody else is told whether there is a PIN, or decides who sees what. */
function speaksForResident(self: Me | typeof STRANGER | undefined): boolean {
  return self !== undefined && self !== STRANGER && self.pin !== undefined;
}
