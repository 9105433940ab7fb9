import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { knowsPasskeys } from "../../api/access/passkeys/browser";
import type { Here } from "../../api/access/passkeys/passkey";
import { addPasskey, passkeys, passkeysHere, removePasskey } from "../../api/access/passkeys/queries";
import { makingTrouble } from "../../api/access/passkeys/trouble";
import { troubleText } from "../../api/access/trouble";
import { Button } from "../../ui/Button";
import { PasskeyRow } from "./PasskeyRow";
import styles from "./setup.module.css";

/** Ways back in without a code: those that this device may know of, and how it gets one. */
export function Passkeys({ isKiosk }: { isKiosk: boolean }) {
  const { data: here } = useQuery(passkeysHere);
  const { data: list, error } = useQuery(passkeys);
  const queries = useQueryClient();
  const removing = useMutation({
    mutationFn: removePasskey,
    onSettled: () => queries.invalidateQueries({ queryKey: passkeys.queryKey }),
  });
  // A hub that does not know of passkeys, or cannot be reached: the page says so elsewhere.
  if (here === undefined) return null;
  const trouble = error ?? removing.error;
  return (
    <section aria-labelledby="passkeys" className={styles.part}>
      <h2 id="passkeys">Passkeys</h2>
      <p>
        With a passkey you come back in without a code: by the fingerprint, the face or the PIN of your own
        phone or computer. It is for the device that made it. Once that device leaves or is removed, its
        passkeys open nothing.
      </p>
      {list && list.length > 0 && (
        <ul className={styles.devices} aria-label="Passkeys">
          {list.map((passkey) => (
            <PasskeyRow key={passkey.id} passkey={passkey} onRemove={() => removing.mutate(passkey.id)} />
          ))}
        </ul>
      )}
      <p role="status">
        {removing.isSuccess &&
          "The passkey is removed. Your phone or computer may offer it until you delete it there as well, among its passwords."}
      </p>
      <p role="alert" className={trouble ? styles.trouble : undefined}>
        {trouble && troubleText(trouble)}
      </p>
      {isKiosk ? (
        <p className={styles.soft}>
          None is made on the tablet on the wall, which everybody can use. Make one on your own phone or
          computer.
        </p>
      ) : (
        <Add here={here} />
      )}
    </section>
  );
}

function Add({ here }: { here: Here }) {
  const queries = useQueryClient();
  const adding = useMutation({
    mutationFn: addPasskey,
    onSettled: () => queries.invalidateQueries({ queryKey: passkeys.queryKey }),
  });
  if (!here.isPossible || !knowsPasskeys()) return <WhyNot here={here} />;
  const trouble = adding.error && makingTrouble(adding.error);
  return (
    <>
      <Button look="main" onPress={() => !adding.isPending && adding.mutate()}>
        {adding.isPending ? "Waiting for this device…" : "Make a passkey"}
      </Button>
      <p role="status">
        {adding.isSuccess &&
          "The passkey is made. If you are ever asked for a code here, sign in with it instead."}
      </p>
      <p role="alert" className={trouble ? styles.trouble : undefined}>
        {trouble}
      </p>
    </>
  );
}

function WhyNot({ here: { isPossible, why, at } }: { here: Here }) {
  if (isPossible)
    return <p className={styles.soft}>This browser knows no passkeys. A newer one, or another one, may.</p>;
  if (at === null) return <p className={styles.soft}>{why}</p>;
  return (
    <p className={styles.soft}>
      To make one, open the hub at{" "}
      <a className={styles.link} href={at}>
        {at}
      </a>
    </p>
  );
}
