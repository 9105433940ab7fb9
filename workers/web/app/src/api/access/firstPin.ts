// Who may choose the first PIN on the tablet on the wall: whoever has just paired it.
import type { Instant } from "../../time/age";
import type { Me } from "./queries";

/** Whether there is none yet and it may be set here, by what the hub said at `saidAt`. */
export function mayChooseFirstPin(self: Me | undefined, saidAt: Instant, now: Instant): boolean {
  if (self?.kiosk !== true || self.pin !== "unset") return false;
  return now < saidAt + (self.first_pin_within_seconds ?? 0) * 1_000;
}
