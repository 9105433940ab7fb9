import { describe, expect, it } from "vitest";
import { readingOf } from "./reading";

describe("readingOf", () => {
  it("writes a blood pressure for the eye and for the ear", () => {
    expect(readingOf({ kind: "blood_pressure", value: "118/76", unit: "mmHg" })).toEqual({
      figure: "118/76",
      unit: "mmHg",
      spoken: "118 over 76 millimetres of mercury",
    });
  });

  it.each(["118", "118/", "118/0", "118/null", "118/undefined", "118/—"])(
    "shows a dash for the lower figure that %s does not have",
    (value) => {
      expect(readingOf({ kind: "blood_pressure", value, unit: "mmHg" })).toMatchObject({
        figure: "118/–",
        spoken: "118 over unknown millimetres of mercury",
      });
    },
  );

  it("takes other values as the hub wrote them, zero included", () => {
    expect(readingOf({ kind: "weight", value: "171.4", unit: "lbs" }).figure).toBe("171.4");
    expect(readingOf({ kind: "steps", value: "0", unit: null }).figure).toBe("0");
  });

  it("shows a dash and no unit when there is no value", () => {
    expect(readingOf({ kind: "heart_rate", value: null, unit: "bpm" })).toEqual({
      figure: "–",
      unit: null,
      spoken: "No value",
    });
  });
});
