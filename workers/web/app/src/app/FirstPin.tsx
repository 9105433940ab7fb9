import { Button } from "../ui/Button";
import { ChoosePin } from "./ChoosePin";
import { PinDialog } from "./PinDialog";

interface Props {
  /** Whether this tablet may set the first PIN yet: for some minutes after it was paired. */
  isEarly: boolean;
  resident: number | null;
  onSet: () => void;
  onGiveUp: () => void;
}

/** For the tablet on the wall while there is no PIN: it is chosen here, or is said where. */
export function FirstPin({ isEarly, resident, onSet, onGiveUp }: Props) {
  if (isEarly) {
    return (
      <PinDialog title="First, choose a PIN" onGiveUp={onGiveUp}>
        <p>
          Everybody can touch this tablet. The PIN is asked for before treatment, or who may see what, is
          changed.
        </p>
        <ChoosePin onSet={onSet} />
        <Button onPress={onGiveUp}>Not now</Button>
      </PinDialog>
    );
  }
  return (
    <PinDialog title="A PIN is needed first" onGiveUp={onGiveUp}>
      <p>
        This changes treatment, or who may see what. On this tablet that needs a PIN, and none is set yet.
      </p>
      <WhereToSetPin resident={resident} />
      <Button look="main" onPress={onGiveUp}>
        I understand
      </Button>
    </PinDialog>
  );
}

/** This tablet was paired too long ago: whoever stands before it now may be anybody. */
export function WhereToSetPin({ resident }: { resident: number | null }) {
  return (
    <>
      <p>It is set in one of two ways:</p>
      <p>
        <strong>On the resident’s own phone or computer:</strong> open Setup, and go to PIN.
      </p>
      <p>
        <strong>Or on the hub itself:</strong> <code>betti-api pin --resident {resident ?? 1}</code>
      </p>
    </>
  );
}
