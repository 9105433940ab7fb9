import type { Instant } from "../../time/age";

/** How long a code is good for yet, in words and rounded up; `null` when it is not any more. */
export function timeLeftText(expiresAt: Instant, now: Instant): string | null {
  const seconds = Math.ceil((expiresAt - now) / 1_000);
  if (seconds <= 0) return null;
  if (seconds < 60) return "less than a minute";
  const minutes = Math.ceil(seconds / 60);
  return minutes === 1 ? "1 minute" : `${minutes} minutes`;
}
