import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { mayChooseFirstPin } from "../api/access/firstPin";
import { lock, me, STRANGER } from "../api/access/queries";
import { setPinPrompt } from "../api/request";
import { useNow } from "../time/useNow";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { FirstPin } from "./FirstPin";
import { PinPad } from "./PinPad";

interface Asking {
  /** Whether there is a PIN to type, or one to be set. */
  needs: "set" | "unset";
  answer: (isUnlocked: boolean) => void;
}

/** On the tablet on the wall: asks for the PIN when the hub does, and shows for how long it is unlocked. */
export function KioskLock() {
  const queries = useQueryClient();
  const { data, dataUpdatedAt } = useQuery(me);
  const [asking, setAsking] = useState<Asking | null>(null);
  const now = useNow();
  useEffect(() => {
    // Several requests at once are one question.
    let asked: Promise<boolean> | null = null;
    setPinPrompt((needs) => {
      asked ??= new Promise<boolean>((answer) => setAsking({ needs, answer })).finally(() => {
        asked = null;
      });
      return asked;
    });
    return () => setPinPrompt(null);
  }, []);
  const refresh = () => void queries.invalidateQueries({ queryKey: me.queryKey });
  const close = (isUnlocked: boolean) => {
    asking?.answer(isUnlocked);
    setAsking(null);
    refresh();
  };
  const self = data === STRANGER ? undefined : data;
  const until = dataUpdatedAt + (self?.unlocked_for_seconds ?? 0) * 1_000;
  // The page's clock moves in steps, and may stand before the answer came.
  const moment = Math.max(now, dataUpdatedAt);
  const minutes = Math.ceil((until - moment) / 60_000);
  const isEarly = mayChooseFirstPin(self, dataUpdatedAt, moment);
  return (
    <>
      {minutes > 0 && (
        <Notice
          title={`Unlocked, ${minutes === 1 ? "1 minute" : `${minutes} minutes`} left`}
          icon="house"
          tone="news"
          testId="unlocked"
          actions={<Button onPress={() => void lock().finally(refresh)}>Lock now</Button>}
        />
      )}
      {isEarly && (
        <Notice
          title="This tablet has no PIN yet"
          icon="key"
          tone="warning"
          testId="no-pin"
          actions={
            <Button onPress={() => setAsking({ needs: "unset", answer: () => undefined })}>
              Choose a PIN
            </Button>
          }
        >
          Until it has one, nobody can change treatment here, or who may see what.
        </Notice>
      )}
      {asking?.needs === "set" && <PinPad onUnlocked={() => close(true)} onGiveUp={() => close(false)} />}
      {asking?.needs === "unset" && (
        <FirstPin
          isEarly={isEarly}
          resident={self?.resident ?? null}
          onSet={() => close(true)}
          onGiveUp={() => close(false)}
        />
      )}
    </>
  );
}
