import { describe, expect, it } from "vitest";
import { ageText, readInstant } from "./age";

const NOW = Date.parse("2031-05-07T12:00:00Z");
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("ageText", () => {
  it.each([
    [0, "just now"],
    [59 * SECOND, "just now"],
    [MINUTE, "1 min ago"],
    [5 * MINUTE + 59 * SECOND, "5 min ago"],
    [HOUR - 1, "59 min ago"],
    [HOUR, "1 hour ago"],
    [2 * HOUR - 1, "1 hour ago"],
    [3 * HOUR, "3 hours ago"],
    [DAY - 1, "23 hours ago"],
    [DAY, "1 day ago"],
    [50 * HOUR, "2 days ago"],
    [400 * DAY, "400 days ago"],
  ])("rounds %i ms down to %s", (age, text) => {
    expect(ageText(NOW - age, NOW)).toBe(text);
  });

  it("forgives a clock that is a little ahead", () => {
    expect(ageText(NOW + 90 * SECOND, NOW)).toBe("just now");
  });

  it("does not believe a reading from the future", () => {
    expect(ageText(NOW + HOUR, NOW)).toBe("time uncertain");
  });

  it("says so when the time is unknown", () => {
    expect(ageText(null, NOW)).toBe("time unknown");
  });
});

describe("readInstant", () => {
  it("reads the hub's ISO times", () => {
    expect(readInstant("2031-05-07T12:00:00.000Z")).toBe(NOW);
  });

  it("takes SQLite's text for UTC, which it is, and not for local time", () => {
    expect(readInstant("2031-05-07 12:00:00")).toBe(NOW);
  });

  it.each([null, undefined, "", "yesterday"])("does not know %s", (text) => {
    expect(readInstant(text)).toBeNull();
  });
});
