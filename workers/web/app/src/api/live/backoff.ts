const FIRST_CEILING_MS = 1_000;
const LAST_CEILING_MS = 8_000;

/**
 * How long to wait before the next try, after so many failures in a row.
 *
 * The upper half of a ceiling that doubles: 0.5-1 s at first, 4-8 s in the end. `random` (0 to 1) spreads the
 * phones of a house, so that they do not all come at the same instant when the hub is back.
 */
export function reconnectDelayMs(failures: number, random: number): number {
  const ceiling = Math.min(LAST_CEILING_MS, FIRST_CEILING_MS * 2 ** Math.max(0, failures - 1));
  return ceiling / 2 + (ceiling / 2) * random;
}
