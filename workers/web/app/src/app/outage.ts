import type { LiveStatus } from "../api/live/connection";
import type { Instant } from "../time/age";

/** What is known about the readings on screen. */
export interface Shown {
  /** When the hub last answered; 0 if it never did. */
  answeredAt: Instant;
  /** The last question failed. */
  failing: boolean;
}

export type Outage =
  /** Nobody answers. */
  | "unreachable"
  /** Questions are answered, but news does not come by itself. */
  | "not-live"
  /** In touch, but the hub cannot say what the readings are. */
  | "failing";

/** Which trouble to speak of, if any. A short loss is none: the status in the header says enough. */
export function outage({ presence, downSince }: LiveStatus, { answeredAt, failing }: Shown): Outage | null {
  if (presence === "offline") {
    const answeredSince = downSince !== null && answeredAt > downSince;
    return answeredSince && !failing ? "not-live" : "unreachable";
  }
  // While a restart is not spoken of, neither is what could not be asked meanwhile.
  return presence === "live" && downSince === null && failing ? "failing" : null;
}
