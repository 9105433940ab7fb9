/** Milliseconds since 1970, as `Date.now()` gives them. */
export type Instant = number;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A hub's clock and a phone's differ by a little; further ahead than this, the time stamp is not to be believed. */
export const CLOCK_SKEW_MS = 2 * MINUTE_MS;

const SQLITE_TEXT = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})$/;

/** Reads a time of the wire: ISO 8601, or SQLite's `YYYY-MM-DD HH:MM:SS`, which is UTC. `null` if it is neither. */
export function readInstant(text: string | null | undefined): Instant | null {
  if (!text) return null;
  const at = Date.parse(text.replace(SQLITE_TEXT, "$1T$2Z"));
  return Number.isNaN(at) ? null : at;
}

/** How long ago, in words and rounded down: "just now", "5 min ago", "1 hour ago", "2 days ago". */
export function ageText(at: Instant | null, now: Instant): string {
  if (at === null) return "time unknown";
  const age = now - at;
  if (age < -CLOCK_SKEW_MS) return "time uncertain";
  if (age < MINUTE_MS) return "just now";
  if (age < HOUR_MS) return `${Math.floor(age / MINUTE_MS)} min ago`;
  if (age < DAY_MS) return count(Math.floor(age / HOUR_MS), "hour");
  return count(Math.floor(age / DAY_MS), "day");
}

function count(amount: number, unit: string): string {
  return `${amount} ${unit}${amount === 1 ? "" : "s"} ago`;
}
