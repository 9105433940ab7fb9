import { expect, it } from "vitest";
import { RefusedError, UnreachableError } from "../../request";
import { makingTrouble, signInTrouble } from "./trouble";

const thrown = (name: string) => new DOMException("words for programmers", name);

it.each([
  [thrown("NotAllowedError"), /cancelled, you were not recognised, or this device has no passkey/],
  [thrown("SecurityError"), /not work at this address/],
  [thrown("UnknownError"), /could not use a passkey/],
  [new RefusedError(401, "x"), /does not know this passkey/],
  [new RefusedError(429, "x", 60), /Too many tries. Wait 1 minute/],
  [new RefusedError(409, "Passkeys need a name."), /^Passkeys need a name.$/],
  [new UnreachableError("x"), /can’t be reached/],
  [new TypeError("x"), /Something went wrong/],
])("signing in: %o", (error, words) => {
  expect(signInTrouble(error)).toMatch(words);
  expect(signInTrouble(error)).not.toContain("programmers");
});

it.each([
  [thrown("NotAllowedError"), /cancelled, or you were not recognised/],
  [thrown("SecurityError"), /not work at this address/],
  [thrown("NotSupportedError"), /cannot keep one/],
  [thrown("ConstraintError"), /screen lock/],
  [new RefusedError(403, "Passkeys are for people."), /may not do that. Passkeys are for people/],
  [new RefusedError(409, "this device has 8 passkeys already"), /^No passkey was made: this device has 8/],
  [new UnreachableError("x"), /can’t be reached/],
])("making one: %o", (error, words) => expect(makingTrouble(error)).toMatch(words));

it("says nothing of what the page itself gave up", () => {
  expect(signInTrouble(thrown("AbortError"))).toBeNull();
  expect(makingTrouble(thrown("AbortError"))).toBeNull();
});
