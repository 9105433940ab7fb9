import { expect, test } from "vitest";
import { type Certificate, certificateIn, concern } from "./safety";

const good: Certificate = { state: "good", daysLeft: 300, kept: false };

test("nothing is said while all is well", () => {
  expect(concern(true, good)).toBeNull();
  expect(concern(true, { state: "none", kept: false })).toBeNull();
  expect(concern(true, null)).toBeNull();
});

test("a page that came unencrypted says what does not work", () => {
  expect(concern(false, { state: "none", kept: false })).toEqual({ kind: "unencrypted" });
  expect(concern(false, null)).toEqual({ kind: "unencrypted" });
});

test("an end is told before it comes", () => {
  expect(concern(true, { state: "ending", daysLeft: 12, kept: false })).toEqual({
    kind: "ending",
    daysLeft: 12,
  });
  expect(concern(true, { state: "ended", daysLeft: -1, kept: false })).toEqual({ kind: "ended" });
});

test("a certificate that cannot be used is told, whether or not there is one before it", () => {
  expect(concern(true, { ...good, kept: true })).toEqual({ kind: "unusable" });
  expect(concern(false, { state: "broken", kept: false })).toEqual({ kind: "unusable" });
});

test("a gateway that says nothing of certificates has none to worry about", () => {
  for (const health of [null, "ok", {}, { certificate: null }, { certificate: 1 }]) {
    expect(certificateIn(health)).toBeNull();
  }
  expect(certificateIn({ certificate: good })).toEqual(good);
});
