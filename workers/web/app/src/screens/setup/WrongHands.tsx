import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { devices, removeAllOthers } from "../../api/access/queries";
import { troubleText } from "../../api/access/trouble";
import { Button } from "../../ui/Button";
import { Confirm } from "./Confirm";
import styles from "./setup.module.css";

/** For whoever fears that a device is in wrong hands, and does not know which. */
export function WrongHands({ resident }: { resident: number | null }) {
  const queries = useQueryClient();
  const [asked, setAsked] = useState(false);
  const removing = useMutation({
    mutationFn: () => removeAllOthers(resident),
    onSettled: () => queries.invalidateQueries({ queryKey: devices.queryKey }),
  });
  return (
    <section aria-labelledby="wrong-hands" className={styles.part}>
      <h2 id="wrong-hands">Something may be in wrong hands?</h2>
      <p>You can take away the access of every device but this one, all at once.</p>
      {asked ? (
        <Confirm
          question="Take away the access of all other devices? Every phone, tablet and sensor program but this device is shut out at once, also those of family and carers. Each needs a new code to come back. Nothing that was recorded is lost."
          yes="Take away all others"
          onYes={() => {
            setAsked(false);
            removing.mutate();
          }}
          onNo={() => setAsked(false)}
        />
      ) : (
        <Button isDisabled={removing.isPending} onPress={() => setAsked(true)}>
          Take away all other devices’ access
        </Button>
      )}
      <p role="status">{removing.isSuccess && doneText(removing.data)}</p>
      <p role="alert" className={removing.error ? styles.trouble : undefined}>
        {removing.error && troubleText(removing.error)}
      </p>
    </section>
  );
}

function doneText(removed: number): string {
  if (removed === 0) return "No other device had access.";
  return removed === 1 ? "1 other device is shut out." : `${removed} other devices are shut out.`;
}
