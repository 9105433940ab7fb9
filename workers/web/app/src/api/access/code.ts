// One-time codes as people type them. The hub decides whether one is good.

/** How many symbols a code has. */
export const CODE_SYMBOLS = 8;

/** Letters that the hub's codes do not have, and the digits they were mistaken for. */
const LOOK_ALIKES: Readonly<Record<string, string>> = { O: "0", I: "1", L: "1" };

/** What was typed, as the hub writes it: `k7qp 3m9x` is `K7QP-3M9X`. What can be in no code is left out. */
export function tidyCode(typed: string): string {
  const symbols = [...typed.toUpperCase()].map((symbol) => LOOK_ALIKES[symbol] ?? symbol);
  const code = symbols.filter((symbol) => /^[0-9A-HJKMNP-TV-Z]$/.test(symbol)).slice(0, CODE_SYMBOLS);
  const half = CODE_SYMBOLS / 2;
  return code.length <= half ? code.join("") : `${code.slice(0, half).join("")}-${code.slice(half).join("")}`;
}

/** Whether all of it is there. */
export function isWhole(code: string): boolean {
  return tidyCode(code).length === CODE_SYMBOLS + 1;
}

/** The code that the address brings after its `#`; it is taken out of the address and of the browser's history. */
export function takeCode(
  { hash, pathname, search }: Pick<Location, "hash" | "pathname" | "search">,
  history: Pick<History, "replaceState" | "state">,
): string {
  if (pathname !== "/pair" || hash.length <= 1) return "";
  history.replaceState(history.state, "", pathname + search);
  return tidyCode(decoded(hash.slice(1)));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
