import { useEffect, useEffectEvent } from "react";
import { Button } from "../ui/Button";
import styles from "./PinPad.module.css";

/** How many digits a PIN has at most and at least. */
const LONGEST = 8;
const SHORTEST = 4;

interface Props {
  pin: string;
  onChange: (pin: string) => void;
  /** What the key that ends it says. */
  done: string;
  isBusy: boolean;
  onDone: () => void;
}

/** Large keys for a PIN; a keyboard's digits, Backspace and Enter do the same. */
export function DigitPad({ pin, onChange, done, isBusy, onDone }: Props) {
  const add = (digit: string) => pin.length < LONGEST && onChange(pin + digit);
  const takeBack = () => onChange(pin.slice(0, -1));
  const isReady = pin.length >= SHORTEST && !isBusy;
  const typed = useEffectEvent((event: KeyboardEvent) => {
    if (/^[0-9]$/.test(event.key)) add(event.key);
    else if (event.key === "Backspace") takeBack();
    // On a key that has the focus, Enter presses that.
    else if (event.key === "Enter" && isReady && !(event.target instanceof HTMLButtonElement)) onDone();
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
    <>
      <p className={styles.digits} aria-hidden="true">
        {"•".repeat(pin.length) || "–"}
      </p>
      <p className="sr-only" role="status">
        {pin.length === 1 ? "1 digit typed" : `${pin.length} digits typed`}
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
        <Button look="main" isDisabled={!isReady} onPress={onDone}>
          {done}
        </Button>
      </div>
    </>
  );
}
