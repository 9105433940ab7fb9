import { Button } from "../../ui/Button";
import styles from "./setup.module.css";

interface Props {
  question: string;
  yes: string;
  onYes: () => void;
  onNo: () => void;
}

/** Asks once more, in place. The focus is on the answer that changes nothing. */
export function Confirm({ question, yes, onYes, onNo }: Props) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields, and this has none.
    <div role="group" aria-label={question} className={styles.confirm}>
      <p>{question}</p>
      <div className={styles.actions}>
        <Button autoFocus onPress={onNo}>
          Keep
        </Button>
        <Button look="main" onPress={onYes}>
          {yes}
        </Button>
      </div>
    </div>
  );
}
