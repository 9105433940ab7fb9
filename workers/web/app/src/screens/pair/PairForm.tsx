import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useId, useRef, useState } from "react";
import { isWhole, tidyCode } from "../../api/access/code";
import { pair } from "../../api/access/queries";
import { pairingTrouble } from "../../api/access/trouble";
import { Button } from "../../ui/Button";
import { LONGEST_NAME, suggestedName } from "./deviceName";
import styles from "./pair.module.css";

const CODE_HINT = "8 letters and digits. Capitals, spaces and dashes do not matter.";

interface Props {
  code?: string;
  /** It is let in; if `needsPin`, the first PIN is chosen next. */
  onPaired: (needsPin: boolean) => void;
}

/** Asks for the code and a name, and says what went wrong beside the button that was pressed. */
export function PairForm({ code: given = "", onPaired }: Props) {
  const [code, setCode] = useState(given);
  const [name, setName] = useState(() => suggestedName(navigator.userAgent, window.screen.width));
  const [missing, setMissing] = useState<string | null>(null);
  const codeField = useRef<HTMLInputElement>(null);
  const id = useId();
  // Its 401 is about the code and not about this device: so it is no failure of the page.
  const pairing = useMutation({
    mutationFn: async (): Promise<{ trouble: string } | { needsPin: boolean }> => {
      try {
        return await pair(tidyCode(code), name.trim());
      } catch (error) {
        return { trouble: pairingTrouble(error) };
      }
    },
    onSuccess: (done) => ("trouble" in done ? codeField.current?.focus() : onPaired(done.needsPin)),
  });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (pairing.isPending) return;
    const lack = lacking(code, name);
    setMissing(lack);
    if (lack === null) pairing.mutate();
    else codeField.current?.focus();
  };
  const done = pairing.isPending ? undefined : pairing.data;
  const trouble = missing ?? (done && "trouble" in done ? done.trouble : null);

  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      <label className={styles.field}>
        <span className={styles.label}>Code</span>
        <input
          ref={codeField}
          className={styles.code}
          value={code}
          onChange={({ target }) => setCode(target.value)}
          onBlur={() => setCode((typed) => (isWhole(typed) ? tidyCode(typed) : typed))}
          autoComplete="one-time-code"
          autoCapitalize="characters"
          autoCorrect="off"
          spellCheck={false}
          aria-describedby={`${id}-hint ${id}-trouble`}
          aria-invalid={trouble ? true : undefined}
        />
      </label>
      <p id={`${id}-hint`} className={styles.hint}>
        {CODE_HINT}
      </p>
      <label className={styles.field}>
        <span className={styles.label}>Name of this device</span>
        <input
          value={name}
          maxLength={LONGEST_NAME}
          onChange={({ target }) => setName(target.value)}
          autoComplete="off"
          aria-describedby={`${id}-example`}
        />
      </label>
      <p id={`${id}-example`} className={styles.hint}>
        For example “Anna’s phone” or “Tablet by the bed”.
      </p>
      <p id={`${id}-trouble`} role="alert" className={trouble ? styles.trouble : undefined}>
        {trouble}
      </p>
      <Button look="main" type="submit">
        {pairing.isPending ? "Pairing…" : "Pair this device"}
      </Button>
    </form>
  );
}

function lacking(code: string, name: string): string | null {
  if (!isWhole(code)) return "The code is not complete: it has 8 letters and digits, such as K7QP-3M9X.";
  if (name.trim() === "") return "Give this device a name, so that others know which one it is.";
  return null;
}
