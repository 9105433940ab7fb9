import { useMutation } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useState } from "react";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { unlock } from "../api/access/queries";
import { pinTrouble } from "../api/access/trouble";
import { Button } from "../ui/Button";
import styles from "./PinPad.module.css";

const LONGEST = 8;
const SHORTEST = 4;

interface Props {
  onUnlocked: () => void;
  onGiveUp: () => void;
}

/** Large keys for the PIN; a keyboard's digits, Backspace and Enter do the same. */
export function PinPad({ onUnlocked, onGiveUp }: Props) {
  const [pin, setPin] = useState("");
  const unlocking = useMutation({
    mutationFn: () => unlock(pin),
    onSuccess: onUnlocked,
    onError: () => setPin(""),
  });
  const add = (digit: string) => setPin((typed) => (typed.length < LONGEST ? typed + digit : typed));
  const takeBack = () => setPin((typed) => typed.slice(0, -1));
  const isReady = pin.length >= SHORTEST && !unlocking.isPending;
  const typed = useEffectEvent((event: KeyboardEvent) => {
    if (/^[0-9]$/.test(event.key)) add(event.key);
    else if (event.key === "Backspace") takeBack();
    // On a key that has the focus, Enter presses that.
    else if (event.key === "Enter" && isReady && !(event.target instanceof HTMLButtonElement))
      unlocking.mutate();
    else return;
    event.preventDefault();
  });
  // Wherever the focus is.
  useEffect(() => {
    const listener = (event: KeyboardEvent) => typed(event);
    window.addEventListener("keydown", listener, true);
    return () => window.removeEventListener("keydown", listener, true);
  }, []);
  return (
    <ModalOverlay isOpen onOpenChange={(isOpen) => !isOpen && onGiveUp()} className={styles.veil ?? ""}>
      <Modal className={styles.modal ?? ""}>
        <Dialog className={styles.dialog ?? ""}>
          <div className={styles.pad}>
            <Heading slot="title" className={styles.title ?? ""}>
              Type the PIN
            </Heading>
            <p>This changes treatment, or who may see what.</p>
            <p className={styles.digits} aria-hidden="true">
              {"•".repeat(pin.length) || "–"}
            </p>
            <p className="sr-only" role="status">
              {pin.length === 1 ? "1 digit typed" : `${pin.length} digits typed`}
            </p>
            <p role="alert" className={unlocking.error ? styles.trouble : undefined}>
              {unlocking.error && pinTrouble(unlocking.error)}
            </p>
            <div className={styles.keys}>
              {["1", "2", "3", "4", "5", "6", "7", "8", "9"].map((digit) => (
                <Button key={digit} onPress={() => add(digit)}>
                  {digit}
                </Button>
              ))}
              <Button aria-label="Take back the last digit" onPress={takeBack}>
                ⌫
              </Button>
              <Button onPress={() => add("0")}>0</Button>
              <Button look="main" isDisabled={!isReady} onPress={() => unlocking.mutate()}>
                OK
              </Button>
            </div>
            <Button onPress={onGiveUp}>Cancel</Button>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
