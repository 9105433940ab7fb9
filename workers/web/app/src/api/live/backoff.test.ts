import { expect, it } from "vitest";
import { reconnectDelayMs } from "./backoff";

it.each([
  [1, 500, 1_000],
  [2, 1_000, 2_000],
  [3, 2_000, 4_000],
  [4, 4_000, 8_000],
  [5, 4_000, 8_000],
  [1_000, 4_000, 8_000],
])("waits after failure %i between %i and %i ms", (failures, least, most) => {
  expect(reconnectDelayMs(failures, 0)).toBe(least);
  expect(reconnectDelayMs(failures, 1)).toBe(most);
  expect(reconnectDelayMs(failures, 0.5)).toBe((least + most) / 2);
});
