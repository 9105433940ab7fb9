import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { mayChooseFirstPin } from "../../api/access/firstPin";
import { type Me, me, setPin } from "../../api/access/queries";
import { troubleText } from "../../api/access/trouble";
import { WhereToSetPin } from "../../app/FirstPin";
import type { Instant } from "../../time/age";
import { useNow } from "../../time/useNow";
import { Button } from "../../ui/Button";
import fields from "../pair/pair.module.css";
import styles from "./setup.module.css";

/** The PIN that the tablet on the wall asks for. Shown to whom the hub says whether there is one. */
export function SetPin({ self, saidAt }: { self: Me; saidAt: Instant }) {
  const now = Math.max(useNow(), saidAt);
  const queries = useQueryClient();
  const [present, setPresent] = useState("");
  const [pin, setNew] = useState("");
  const needsPresent = self.kiosk === true && self.pin === "set";
  const setting = useMutation({
    mutationFn: () => setPin(pin, needsPresent ? present : null),
    onSuccess: () => {
      setPresent("");
      setNew("");
      void queries.invalidateQueries({ queryKey: me.queryKey });
    },
  });
  if (self.pin === undefined) return null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setting.mutate();
  };
  if (self.kiosk === true && self.pin === "unset" && !mayChooseFirstPin(self, saidAt, now)) {
    return (
      <section aria-labelledby="pin" className={styles.part}>
        <h2 id="pin">PIN</h2>
        <p>None is set yet, so nobody can change treatment on this tablet, or who may see what.</p>
        <WhereToSetPin resident={self.resident} />
      </section>
    );
  }
  const isSet = self.pin === "set";
  return (
    <section aria-labelledby="pin" className={styles.part}>
      <h2 id="pin">PIN</h2>
      <form className={fields.form} onSubmit={submit}>
        <p className={fields.hint}>
          The tablet on the wall asks for it before treatment or access is changed.
        </p>
        {needsPresent && <Digits label="Present PIN" value={present} onChange={setPresent} />}
        <Digits
          label={isSet ? "New PIN (4 to 8 digits)" : "PIN (4 to 8 digits)"}
          value={pin}
          onChange={setNew}
        />
        <Button look="main" type="submit" isDisabled={setting.isPending}>
          {isSet ? "Change the PIN" : "Set the PIN"}
        </Button>
        <p role="status">{setting.isSuccess && "The PIN is set."}</p>
        <p role="alert" className={setting.error ? styles.trouble : undefined}>
          {setting.error && troubleText(setting.error)}
        </p>
      </form>
    </section>
  );
}

interface DigitsProps {
  label: string;
  value: string;
  onChange: (digits: string) => void;
}

function Digits({ label, value, onChange }: DigitsProps) {
  return (
    <label className={fields.field}>
      <span className={fields.label}>{label}</span>
      <input
        type="password"
        inputMode="numeric"
        autoComplete="off"
        maxLength={8}
        value={value}
        onChange={({ target }) => onChange(target.value.replace(/\D/g, ""))}
      />
    </label>
  );
}
