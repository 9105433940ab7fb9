/** The longest name that the hub takes, in characters. */
export const LONGEST_NAME = 64;

/** What to call this device unless somebody knows better: told from its browser and the width of its screen. */
export function suggestedName(userAgent: string, screenWidth: number): string {
  if (/iPad|Tablet/i.test(userAgent)) return "Tablet";
  if (/Android/i.test(userAgent) && !/Mobile/i.test(userAgent)) return "Tablet";
  if (/iPhone|Mobile/i.test(userAgent)) return "Phone";
  // A tablet that asks for desktop pages calls itself a Mac.
  if (/Macintosh/.test(userAgent) && screenWidth > 0 && screenWidth < 1_100) return "Tablet";
  return "Computer";
}
