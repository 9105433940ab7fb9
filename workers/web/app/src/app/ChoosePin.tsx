import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { me, setPin, unlock } from "../api/access/queries";
import { troubleText } from "../api/access/trouble";
import { DigitPad } from "./DigitPad";
import styles from "./PinPad.module.css";

const NOT_THE_SAME = "The two were not the same. Choose it again.";

interface Props {
  /** The PIN is set, and this tablet unlocked with it. */
  onSet: () => void;
}

/** The first PIN, typed twice: what nobody sees is easily mistyped. */
export function ChoosePin({ onSet }: Props) {
  const queries = useQueryClient();
  const [chosen, setChosen] = useState<string | null>(null);
  const [pin, setTyped] = useState("");
  const [isOther, setOther] = useState(false);
  const again = () => {
    setChosen(null);
    setTyped("");
  };
  const setting = useMutation({
    mutationFn: async () => {
      await setPin(pin, null);
      // Who chose it just now is here. If that fails it is asked for, as ever.
      await unlock(pin).catch(() => undefined);
      await queries.invalidateQueries({ queryKey: me.queryKey });
    },
    onSuccess: onSet,
    onError: again,
  });
  const next = () => {
    setting.reset();
    setOther(chosen !== null && chosen !== pin);
    if (chosen === null) {
      setChosen(pin);
      setTyped("");
    } else if (chosen === pin) setting.mutate();
    else again();
  };
  const trouble = setting.error ? troubleText(setting.error) : isOther ? NOT_THE_SAME : null;
  return (
    <>
      <p className={styles.step}>
        {chosen === null ? "Choose 4 to 8 digits that nobody guesses." : "Now type the same once more."}
      </p>
      <p role="alert" className={trouble ? styles.trouble : undefined}>
        {trouble}
      </p>
      <DigitPad
        pin={pin}
        onChange={setTyped}
        done={chosen === null ? "Next" : "Set"}
        isBusy={setting.isPending}
        onDone={next}
      />
    </>
  );
}
