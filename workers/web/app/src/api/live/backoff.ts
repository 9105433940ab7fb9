/** The longest that the first try may wait. */
export const FIRST_CEILING_MS = 1_000;

/** Tries never come less often than this, however long a hub is away. */
export const LAST_CEILING_MS = 8_000;

/** The longest that a page waits that was told of a restart: what it was connected to is back in a moment. */
export const RESTART_CEILING_MS = 500;

/** A server that closes with one of these said goodbye (RFC 6455): done, going away, restarting. Nothing broke. */
const GOODBYES: ReadonlySet<number> = new Set([1000, 1001, 1012]);

export function isGoodbye(closeCode: number): boolean {
  return GOODBYES.has(closeCode);
}

/** The hub's code for a listener that it lets go for a reason of its own (RFC 6455), and the one reason that is harmless. */
const POLICY_VIOLATION = 1008;
const TOO_SLOW = /^too slow/i;

/** Whether the hub ended it because this device may see something else than before, or nothing any more. */
export function isAboutAccess(closeCode: number, reason: string): boolean {
  return closeCode === POLICY_VIOLATION && !TOO_SLOW.test(reason);
}

/**
 * How long to wait before the next try, after so many failures in a row.
 *
 * Anything up to a ceiling that doubles ("full jitter"): up to 1 s at first, up to 8 s in the end. `random` (0 to 1)
 * spreads the screens of a house, so that they do not all come at the same instant when the hub is back.
 */
export function reconnectDelayMs(failures: number, random: number): number {
  return Math.min(LAST_CEILING_MS, FIRST_CEILING_MS * 2 ** Math.max(0, failures - 1)) * random;
}

/** The same after a goodbye: soon, and still not all at once. */
export function restartDelayMs(random: number): number {
  return RESTART_CEILING_MS * random;
}
