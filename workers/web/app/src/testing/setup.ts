import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// A deadline and not a wait: generous, because a busy machine may take long to load the history panel.
configure({ asyncUtilTimeout: 10_000 });

// jsdom has no CSS object; React Aria quotes its own ids with it, which need no quoting.
globalThis.CSS ??= { escape: (text: string) => text } as typeof CSS;

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
