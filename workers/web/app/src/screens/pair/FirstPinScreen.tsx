import { ChoosePin } from "../../app/ChoosePin";
import { Button } from "../../ui/Button";
import { FullPage } from "./FullPage";

/** The second step of pairing the tablet on the wall, while there is no PIN. It may be left out: then it is asked for later. */
export function FirstPinScreen({ onDone }: { onDone: () => void }) {
  return (
    <FullPage title="Now choose a PIN">
      <p>This tablet is paired. It hangs where everybody can touch it.</p>
      <p>
        The PIN is asked for before treatment, or who may see what, is changed here. Looking, and what is done
        every day, needs none.
      </p>
      <ChoosePin onSet={onDone} />
      <Button onPress={onDone}>Not now</Button>
    </FullPage>
  );
}
