import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { signIn } from "../../api/access/passkeys/queries";
import { signInTrouble } from "../../api/access/passkeys/trouble";
import { Button } from "../../ui/Button";
import { Icon } from "../../ui/Icon";
import styles from "./passkeySignIn.module.css";

/** A way in without a code, for whoever was here before and made a passkey. */
export function PasskeySignIn({ onPaired }: { onPaired: () => void }) {
  const ending = useRef(new AbortController());
  // Otherwise the browser would go on asking for a page that is gone.
  useEffect(() => {
    ending.current = new AbortController();
    return () => ending.current.abort();
  }, []);
  // Its 401 is about the passkey and not about this device: so it is no failure of the page.
  const signing = useMutation({
    mutationFn: async (): Promise<string | null> => {
      try {
        await signIn(ending.current.signal);
        onPaired();
        return null;
      } catch (error) {
        return signInTrouble(error);
      }
    },
  });
  const trouble = signing.isPending ? null : signing.data;
  return (
    <section aria-labelledby="passkey" className={styles.signIn}>
      <h2 id="passkey" className={styles.title}>
        Have you been here before?
      </h2>
      <p>With a passkey you need no code.</p>
      <Button onPress={() => !signing.isPending && signing.mutate()}>
        <Icon name="key" />
        {signing.isPending ? "Waiting for your passkey…" : "Sign in with a passkey"}
      </Button>
      <p role="alert" className={trouble ? styles.trouble : undefined}>
        {trouble}
      </p>
    </section>
  );
}

/** For whoever has a passkey, and opened the hub at another address than the one it is for. */
export function PasskeysElsewhere({ at }: { at: string }) {
  return (
    <p className={styles.elsewhere}>
      Have you a passkey? It works at <a href={at}>{at}</a>
    </p>
  );
}
