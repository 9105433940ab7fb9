import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { unlock } from "../api/access/queries";
import { pinTrouble } from "../api/access/trouble";
import { Button } from "../ui/Button";
import { DigitPad } from "./DigitPad";
import { PinDialog } from "./PinDialog";
import styles from "./PinPad.module.css";

interface Props {
  onUnlocked: () => void;
  onGiveUp: () => void;
}

/** Asks for the PIN on the tablet on the wall. */
export function PinPad({ onUnlocked, onGiveUp }: Props) {
  const [pin, setPin] = useState("");
  const unlocking = useMutation({
    mutationFn: () => unlock(pin),
    onSuccess: onUnlocked,
    onError: () => setPin(""),
  });
  return (
    <PinDialog title="Type the PIN" onGiveUp={onGiveUp}>
      <p>This changes treatment, or who may see what.</p>
      <p role="alert" className={unlocking.error ? styles.trouble : undefined}>
        {unlocking.error && pinTrouble(unlocking.error)}
      </p>
      <DigitPad
        pin={pin}
        onChange={setPin}
        done="OK"
        isBusy={unlocking.isPending}
        onDone={() => unlocking.mutate()}
      />
      <Button onPress={onGiveUp}>Cancel</Button>
    </PinDialog>
  );
}
