import { expect, it } from "vitest";
import { timeLeftText } from "./timeLeft";

it.each([
  [300_000, "5 minutes"],
  [240_001, "5 minutes"],
  [60_000, "1 minute"],
  [59_000, "less than a minute"],
  [1, "less than a minute"],
  [0, null],
  [-5, null],
])("%i ms left is %j", (left, text) => expect(timeLeftText(1_000 + left, 1_000)).toBe(text));
