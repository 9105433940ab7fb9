import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Device } from "../../api/access/device";
import { shutOut } from "../../api/access/forget";
import { devices, leave, me, removeDevice, STRANGER } from "../../api/access/queries";
import { troubleText } from "../../api/access/trouble";
import { Button } from "../../ui/Button";
import { Confirm } from "./Confirm";
import { DeviceRow } from "./DeviceRow";
import { Everything } from "./Everything";
import { Invite } from "./Invite";
import { Passkeys } from "./Passkeys";
import { SetPin } from "./SetPin";
import styles from "./setup.module.css";
import { WrongHands } from "./WrongHands";

/** Which devices are let in, and how another comes in or one goes. */
export function SetupScreen() {
  const { data: list, error, isPending, refetch } = useQuery(devices);
  const { data: self, dataUpdatedAt } = useQuery(me);
  const known = self === STRANGER ? undefined : self;
  const own = known?.device ?? null;
  return (
    <section aria-labelledby="access" className={styles.screen}>
      <h1 id="access" className={styles.title}>
        Who has access
      </h1>
      {isPending && <p>Looking up the devices…</p>}
      {error && (
        <p role="alert" className={styles.trouble}>
          {troubleText(error)} <Button onPress={() => void refetch()}>Try again</Button>
        </p>
      )}
      {list && <Devices list={list} own={own} />}
      {list && <Invite residents={residentsOf(list, known?.resident ?? null)} />}
      {known && <Passkeys isKiosk={known.kiosk === true} />}
      {known && <SetPin self={known} saidAt={dataUpdatedAt} />}
      <a className={styles.link} href="/setup/looks">
        See who looked at what
      </a>
      {known && <Everything self={known} />}
      {list && <WrongHands resident={known?.resident ?? null} />}
      {own !== null && <Leave />}
    </section>
  );
}

/** For whom somebody may be invited: whom this device can see a device of. */
function residentsOf(list: Device[], own: number | null): number[] {
  const all = list.filter(({ isHub }) => !isHub).map(({ resident }) => resident);
  const distinct = [...new Set(own === null ? all : [own, ...all])];
  return distinct.length > 0 ? distinct : [1];
}

function Devices({ list, own }: { list: Device[]; own: string | null }) {
  const shown = list.filter(({ isHub }) => !isHub);
  const queries = useQueryClient();
  const removing = useMutation({
    mutationFn: removeDevice,
    onSettled: () => queries.invalidateQueries({ queryKey: devices.queryKey }),
  });
  if (shown.length === 0) return <p>No device is paired yet. Invite the first one below.</p>;
  return (
    <>
      <ul className={styles.devices} aria-label="Devices">
        {shown.map((device) => (
          <DeviceRow
            key={device.id}
            device={device}
            isOwn={device.id === own}
            onRemove={() => removing.mutate(device.id)}
          />
        ))}
      </ul>
      <p role="alert" className={removing.error ? styles.trouble : undefined}>
        {removing.error && troubleText(removing.error)}
      </p>
    </>
  );
}

function Leave() {
  const queries = useQueryClient();
  const [asked, setAsked] = useState(false);
  const leaving = useMutation({
    mutationFn: leave,
    // What was on screen is not for whoever takes this device next.
    onSuccess: () => shutOut(queries),
  });
  return (
    <section aria-labelledby="leave" className={styles.part}>
      <h2 id="leave">This device</h2>
      {asked ? (
        <Confirm
          question="Leave? This device then needs a new code to come back."
          yes="Leave"
          onYes={() => leaving.mutate()}
          onNo={() => setAsked(false)}
        />
      ) : (
        <Button onPress={() => setAsked(true)}>Leave with this device</Button>
      )}
      <p role="alert" className={leaving.error ? styles.trouble : undefined}>
        {leaving.error && troubleText(leaving.error)}
      </p>
    </section>
  );
}
