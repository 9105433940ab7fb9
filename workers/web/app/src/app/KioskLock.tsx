import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { lock, me, STRANGER } from "../api/access/queries";
import { setPinPrompt } from "../api/request";
import { useNow } from "../time/useNow";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { PinPad } from "./PinPad";

/** On the tablet on the wall: asks for the PIN when the hub does, and shows for how long it is unlocked. */
export function KioskLock() {
  const queries = useQueryClient();
  const { data, dataUpdatedAt } = useQuery(me);
  const [answer, setAnswer] = useState<((isUnlocked: boolean) => void) | null>(null);
  const now = useNow();
  useEffect(() => {
    // Several requests at once are one question.
    let asked: Promise<boolean> | null = null;
    setPinPrompt(() => {
      asked ??= new Promise<boolean>((resolve) => setAnswer(() => resolve)).finally(() => {
        asked = null;
      });
      return asked;
    });
    return () => setPinPrompt(null);
  }, []);
  const refresh = () => void queries.invalidateQueries({ queryKey: me.queryKey });
  const close = (isUnlocked: boolean) => {
    answer?.(isUnlocked);
    setAnswer(null);
    refresh();
  };
  const self = data === STRANGER ? undefined : data;
  const until = dataUpdatedAt + (self?.unlocked_for_seconds ?? 0) * 1_000;
  // The page's clock moves in steps, and may stand before the answer came.
  const minutes = Math.ceil((until - Math.max(now, dataUpdatedAt)) / 60_000);
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
      {answer !== null && <PinPad onUnlocked={() => close(true)} onGiveUp={() => close(false)} />}
    </>
  );
}
