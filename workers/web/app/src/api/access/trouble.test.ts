import { expect, it } from "vitest";
import { RefusedError, UnreachableError } from "../request";
import { pairingTrouble, troubleText } from "./trouble";

it.each([
  [new RefusedError(401, "x"), /mistyped, already used, or older than 5 minutes/],
  [new RefusedError(429, "x", 90), /Too many tries. Wait 2 minutes/],
  [new RefusedError(429, "x", 1), /Wait 1 second,/],
  [new RefusedError(429, "x"), /Wait a while/],
  [new UnreachableError("x"), /can’t be reached/],
  [new RefusedError(400, "a name has 1 to 64 characters"), /a name has 1 to 64 characters/],
  [new Error("x"), /Something went wrong/],
])("pairing: %o", (error, words) => expect(pairingTrouble(error)).toMatch(words));

it("says in place what a device may not do", () => {
  expect(troubleText(new RefusedError(403, "Only the resident may."))).toBe(
    "This device may not do that. Only the resident may.",
  );
});
