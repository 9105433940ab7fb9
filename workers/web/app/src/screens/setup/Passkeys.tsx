import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { knowsPasskeys } from "../../api/access/passkeys/browser";
import type { Here } from "../../api/access/passkeys/passkey";
import { addPasskey, passkeys, passkeysHere, removePasskey } from "../../api/access/passkeys/queries";
import { makingTrouble } from "../../api/access/passkeys/trouble";
import { troubleText } from "../../api/access/trouble";
import { Button } from "../../ui/Button";
import { PasskeyRow } from "./PasskeyRow";
import own from "./passkeys.module.css";
import styles from "./setup.module.css";

const MADE = "The passkey is made. Should you ever be asked for a code here, sign in with it instead.";
const PRESENT = "This device has its passkey already. There is nothing more to do.";
const REMOVED =
  "The passkey is removed. The phone or computer that keeps it may still offer it: delete it there too, among the passwords.";

/** Ways back in without a code: those that this device may know of, and how it gets one. */
export function Passkeys({ isKiosk }: { isKiosk: boolean }) {
  const { data: here } = useQuery(passkeysHere);
  const { data: list, error } = useQuery(passkeys);
  const changes = useChanges();
  // The hub cannot be reached, and the page says so elsewhere.
  if (here === undefined) return null;
  const whyNot = whyNoneIsMade(here, isKiosk);
  const trouble = error ? troubleText(error) : changes.trouble;
  return (
    <section aria-labelledby="passkeys" className={`${styles.part} ${own.part}`}>
      <h2 id="passkeys">Passkeys</h2>
      <p>
        With a passkey you come back in without a code, by the fingerprint, face or PIN of your own phone or
        computer. It belongs to the device that made it: once that one leaves or is removed, its passkeys open
        nothing.
      </p>
      {list && list.length > 0 && (
        <ul className={styles.devices} aria-label="Passkeys">
          {list.map((passkey) => (
            <PasskeyRow key={passkey.id} passkey={passkey} onRemove={() => changes.remove(passkey.id)} />
          ))}
        </ul>
      )}
      {whyNot ?? (
        <Button look="main" onPress={changes.add}>
          {changes.isAdding ? "Waiting for this device…" : "Make a passkey"}
        </Button>
      )}
      <p role="status">{changes.done}</p>
      <p role="alert" className={trouble ? styles.trouble : undefined}>
        {trouble}
      </p>
    </section>
  );
}

/** What was done last, and what came of it. */
function useChanges() {
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: passkeys.queryKey });
  const adding = useMutation({ mutationFn: addPasskey, onSettled });
  const removing = useMutation({ mutationFn: removePasskey, onSettled });
  return {
    add: () => {
      if (adding.isPending) return;
      removing.reset();
      adding.mutate();
    },
    remove: (id: string) => {
      if (!adding.isPending) adding.reset();
      removing.mutate(id);
    },
    isAdding: adding.isPending,
    done:
      (adding.isSuccess && (adding.data === "made" ? MADE : PRESENT)) ||
      (removing.isSuccess && REMOVED) ||
      null,
    trouble: adding.error ? makingTrouble(adding.error) : removing.error && troubleText(removing.error),
  };
}

/** Why this device makes no passkey; `null` if it can. */
function whyNoneIsMade({ isPossible, why, at }: Here, isKiosk: boolean) {
  if (isKiosk)
    return (
      <p className={styles.soft}>
        None is made on the tablet on the wall, which everybody can use. Make one on your own phone or
        computer.
      </p>
    );
  if (isPossible)
    return knowsPasskeys() ? null : (
      <p className={styles.soft}>This browser knows no passkeys. A newer one does.</p>
    );
  if (at === null) return <p className={styles.soft}>{why}</p>;
  return (
    <p className={styles.soft}>
      To make one, open the hub at <a href={at}>{at}</a>
    </p>
  );
}
