import { useSyncExternalStore } from "react";
import type { Instant } from "./age";

/** Ages are told in minutes; this is how late a minute may turn. */
const TICK_MS = 5_000;

let now: Instant = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

// A device that slept shows the age of before its sleep until the next tick: so tick on waking.
function tickWhenVisible(): void {
  if (document.visibilityState === "visible") tick();
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    now = Date.now();
    timer = setInterval(tick, TICK_MS);
    document.addEventListener("visibilitychange", tickWhenVisible);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    document.removeEventListener("visibilitychange", tickWhenVisible);
  };
}

/** The time, moving: one timer for the whole page, however many ages it shows. */
export function useNow(): Instant {
  return useSyncExternalStore(subscribe, () => now);
}
