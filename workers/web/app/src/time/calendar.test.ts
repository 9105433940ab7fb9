import { describe, expect, it } from "vitest";
import { dayText } from "./calendar";

// The tests run in New York: see vite.config.ts.
const at = (text: string) => Date.parse(text);

describe("dayText", () => {
  it("turns at the reader's midnight and not at UTC's", () => {
    const now = at("2031-05-07T23:30:00-04:00");
    expect(dayText(at("2031-05-07T00:01:00-04:00"), now)).toBe("Today");
    expect(dayText(at("2031-05-06T23:59:00-04:00"), now)).toBe("Yesterday");
  });

  it("knows yesterday on the day after the clocks went back", () => {
    const now = at("2031-11-03T00:30:00-05:00");
    expect(dayText(at("2031-11-02T00:15:00-04:00"), now)).toBe("Yesterday");
  });

  it("names the weekday within this year and the year of older ones", () => {
    const now = at("2031-05-07T12:00:00-04:00");
    expect(dayText(at("2031-03-01T12:00:00-05:00"), now)).toContain("Saturday");
    expect(dayText(at("2030-03-01T12:00:00-05:00"), now)).toContain("2030");
  });
});
