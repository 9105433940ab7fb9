import { cleanup } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// jsdom has no CSS object; React Aria quotes its own ids with it, which need no quoting.
globalThis.CSS ??= { escape: (text: string) => text } as typeof CSS;

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
