import { expect, it } from "vitest";
import { seededRandom } from "../../../testing/seededRandom";
import { fromBase64url, toBase64url } from "./base64url";

it.each([
  [[], ""],
  [[102], "Zg"],
  [[102, 111], "Zm8"],
  [[102, 111, 111], "Zm9v"],
  [[251, 255, 191], "-_-_"],
  [[0, 0], "AAA"],
])("%j is %j", (bytes, text) => {
  expect(toBase64url(Uint8Array.from(bytes).buffer)).toBe(text);
  expect([...new Uint8Array(fromBase64url(text))]).toEqual(bytes);
});

it("gives back whatever bytes it was given", () => {
  const random = seededRandom(7);
  for (let length = 0; length < 200; length += 1) {
    const bytes = Uint8Array.from({ length }, () => Math.floor(random() * 256));
    const text = toBase64url(bytes.buffer);
    expect(text).toMatch(/^[\w-]*$/);
    expect(new Uint8Array(fromBase64url(text))).toEqual(bytes);
  }
});

it("takes padding, and nothing that is no base64url", () => {
  expect(new Uint8Array(fromBase64url("Zg=="))).toEqual(Uint8Array.of(102));
  expect(() => fromBase64url("Z!")).toThrow();
});
