import { describe, expect, it } from "vitest";
import { seededRandom } from "../../testing/seededRandom";
import { isGoodbye, RESTART_CEILING_MS, reconnectDelayMs, restartDelayMs } from "./backoff";

describe("the wait before the next try", () => {
  it.each([
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [4, 8_000],
    [5, 8_000],
    [1_000, 8_000],
  ])("is anything up to a ceiling: after failure %i up to %i ms", (failures, ceiling) => {
    expect(reconnectDelayMs(failures, 0)).toBe(0);
    expect(reconnectDelayMs(failures, 0.5)).toBe(ceiling / 2);
    expect(reconnectDelayMs(failures, 1)).toBe(ceiling);
  });

  it("is short after a goodbye", () => {
    expect([restartDelayMs(0), restartDelayMs(1)]).toEqual([0, RESTART_CEILING_MS]);
  });

  it.each([
    ["a failure", (random: number) => reconnectDelayMs(1, random)],
    ["a restart", restartDelayMs],
  ])("spreads many screens after %s", (_, delay) => {
    const random = seededRandom(7);
    const delays = Array.from({ length: 1_000 }, () => delay(random()));
    const ceiling = delay(1);
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const inTenth = delays.filter((ms) => Math.floor((ms / ceiling) * 10) === tenth).length;
      expect(inTenth).toBeGreaterThan(60);
      expect(inTenth).toBeLessThan(140);
    }
  });
});

it.each([
  [1000, true],
  [1001, true],
  [1012, true],
  [1006, false],
  [1011, false],
  [1008, false],
])("knows whether %i is a goodbye", (code, goodbye) => {
  expect(isGoodbye(code)).toBe(goodbye);
});
