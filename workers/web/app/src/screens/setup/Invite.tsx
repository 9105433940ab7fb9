import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { type InvitedRole, ROLES } from "../../api/access/device";
import { invite } from "../../api/access/queries";
import { troubleText } from "../../api/access/trouble";
import { Button } from "../../ui/Button";
import { LONGEST_NAME } from "../pair/deviceName";
import fields from "../pair/pair.module.css";
import { InvitationCard } from "./InvitationCard";
import styles from "./setup.module.css";

/** Makes a one-time code for somebody else's device. */
export function Invite({ residents }: { residents: number[] }) {
  const [role, setRole] = useState<InvitedRole>("carer");
  const [isKiosk, setIsKiosk] = useState(false);
  const [name, setName] = useState("");
  const [resident, setResident] = useState<number | null>(null);
  const inviting = useMutation({
    mutationFn: () =>
      invite(role, name.trim(), resident ?? residents[0] ?? null, role === "resident" && isKiosk),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    inviting.mutate();
  };
  return (
    <section aria-labelledby="invite" className={styles.part}>
      <h2 id="invite">Invite</h2>
      {inviting.data ? (
        <InvitationCard invitation={inviting.data} onDone={() => inviting.reset()} />
      ) : (
        <form className={fields.form} onSubmit={submit}>
          <label className={fields.field}>
            <span className={fields.label}>Who is it for?</span>
            <select value={role} onChange={({ target }) => setRole(target.value as InvitedRole)}>
              {ROLES.map(({ role, title }) => (
                <option key={role} value={role}>
                  {title}
                </option>
              ))}
            </select>
          </label>
          <p className={fields.hint}>This device {ROLES.find((known) => known.role === role)?.may}.</p>
          {role === "resident" && (
            <label className={styles.check}>
              <input
                type="checkbox"
                checked={isKiosk}
                onChange={({ target }) => setIsKiosk(target.checked)}
              />
              <span>This is the tablet on the wall: changing treatment needs the PIN there</span>
            </label>
          )}
          {residents.length > 1 && (
            <label className={fields.field}>
              <span className={fields.label}>About which resident?</span>
              <select
                value={resident ?? residents[0]}
                onChange={({ target }) => setResident(Number(target.value))}
              >
                {residents.map((number) => (
                  <option key={number} value={number}>
                    Resident {number}
                  </option>
                ))}
              </select>
            </label>
          )}
          <label className={fields.field}>
            <span className={fields.label}>Name of the device (if you like)</span>
            <input
              value={name}
              maxLength={LONGEST_NAME}
              autoComplete="off"
              onChange={({ target }) => setName(target.value)}
            />
          </label>
          <Button look="main" type="submit" isDisabled={inviting.isPending}>
            Make a code
          </Button>
          <p role="alert" className={inviting.error ? styles.trouble : undefined}>
            {inviting.error && troubleText(inviting.error)}
          </p>
        </form>
      )}
    </section>
  );
}
