import { expect, it } from "vitest";
import { readHere, readPasskeys } from "./passkey";

const row = {
  id: "p1",
  device: "d1",
  device_name: "Kitchen",
  is_own: false,
  host: "betti.example.org",
  made_at: "2026-01-02T03:04:05.000Z",
  last_used_at: null,
};

it("reads passkeys, those of this device first", () => {
  const read = readPasskeys([row, { ...row, id: "p2", is_own: true }]);
  expect(read.map(({ id }) => id)).toEqual(["p2", "p1"]);
  expect(read[1]).toEqual({
    id: "p1",
    device: "d1",
    deviceName: "Kitchen",
    isOwn: false,
    host: "betti.example.org",
    madeAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    lastUsedAt: null,
  });
  expect(readPasskeys(null)).toEqual([]);
});

it.each([
  [
    { possible: true, why: null, at: null },
    { isPossible: true, why: null, at: null },
  ],
  [
    { possible: false, why: "No name." },
    { isPossible: false, why: "No name.", at: null },
  ],
  [
    { possible: false, why: "Elsewhere.", at: "https://betti.example.org" },
    { isPossible: false, why: "Elsewhere.", at: "https://betti.example.org" },
  ],
  [
    { possible: false, why: "x", at: "javascript:alert(1)" },
    { isPossible: false, why: "x", at: null },
  ],
  [null, { isPossible: false, why: null, at: null }],
])("of %j it makes %j", (data, here) => expect(readHere(data)).toEqual(here));
