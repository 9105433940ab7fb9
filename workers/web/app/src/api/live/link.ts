// What the connection to the hub is, and what follows from what happens to it. Decides only: the clock and the
// dice are handed in, sockets and timers are connection.ts's.
import type { Instant } from "../../time/age";
import { reconnectDelayMs, restartDelayMs } from "./backoff";

/** A socket that opened and said nothing for this long is not a hub. */
export const GREETING_TIMEOUT_MS = 5_000;

/** Out of touch for longer than this is called by its name. Restarts of a part of the hub are shorter. */
export const OFFLINE_AFTER_MS = 3_000;

/**
 * A hub that said goodbye is back in about a second: for this long nothing is said to anybody. What is on screen is as
 * true as it was, and a word that appears and goes again only makes people wonder.
 */
export const QUIET_MS = 2_000;

/** A fresh connection is not doubted again at once, or two failing parts would chase each other. */
export const TRUST_MS = 10_000;

interface Down {
  /** Since when there is no connection. */
  downSince: Instant;
  wasLive: boolean;
  /** Tries that failed, one after the other. */
  failures: number;
  /** The hub said goodbye; it did not just vanish. */
  announced: boolean;
}

export type Link =
  | ({ phase: "opening"; giveUpAt: Instant } & Down)
  | ({ phase: "waiting"; retryAt: Instant } & Down)
  | { phase: "live"; since: Instant };

/** What a person is told. `connecting` is only ever the first few seconds of a page. */
export type Presence = "connecting" | "live" | "reconnecting" | "offline";

export function firstLink(now: Instant): Link {
  return open({ downSince: now, wasLive: false, failures: 0, announced: false }, now);
}

/** The hub's first message came. */
export function greeted(link: Link, now: Instant): Link {
  return link.phase === "live" ? link : { phase: "live", since: now };
}

/** The socket closed, or is given up. */
export function lost(link: Link, now: Instant, random: number): Link {
  switch (link.phase) {
    case "live":
      return wait({ downSince: now, wasLive: true, failures: 1, announced: false }, now, random);
    case "opening":
      return wait({ ...down(link), failures: link.failures + 1 }, now, random);
    case "waiting":
      return link;
  }
}

/** The hub closed the socket with a goodbye: it restarts. */
export function dismissed(link: Link, now: Instant, random: number): Link {
  // Who says goodbye before the greeting is not let off a try: that could go on for ever.
  if (link.phase !== "live") return lost(link, now, random);
  const down = { downSince: now, wasLive: true, failures: 0, announced: true };
  return { phase: "waiting", retryAt: now + restartDelayMs(random), ...down };
}

/** A deadline may have passed. */
export function ticked(link: Link, now: Instant, random: number): Link {
  switch (link.phase) {
    case "live":
      return link;
    case "opening":
      return now >= link.giveUpAt ? lost(link, now, random) : link;
    case "waiting":
      return now >= link.retryAt ? open(down(link), now) : link;
  }
}

/** The network came back, or the page was looked at again: no reason to wait any longer. */
export function nudged(link: Link, now: Instant): Link {
  return link.phase === "waiting" ? open(down(link), now) : link;
}

/** The hub did not answer another question: a socket that looks open may be dead (a phone that changed networks). */
export function doubted(link: Link, now: Instant, random: number): Link {
  return link.phase === "live" && now - link.since >= TRUST_MS ? lost(link, now, random) : link;
}

export function presence(link: Link, now: Instant): Presence {
  if (link.phase === "live" || now < quietUntil(link)) return "live";
  if (now - link.downSince >= OFFLINE_AFTER_MS) return "offline";
  return link.wasLive ? "reconnecting" : "connecting";
}

/** When to look again: at the next deadline, or when what a person is told becomes another thing. */
export function nextLook(link: Link, now: Instant): Instant | null {
  if (link.phase === "live") return null;
  const deadline = link.phase === "opening" ? link.giveUpAt : link.retryAt;
  const changes = [quietUntil(link), link.downSince + OFFLINE_AFTER_MS];
  return Math.min(deadline, ...changes.filter((change) => change > now));
}

function quietUntil({ announced, downSince }: Down): Instant {
  return announced ? downSince + QUIET_MS : downSince;
}

function open(since: Down, now: Instant): Link {
  return { phase: "opening", giveUpAt: now + GREETING_TIMEOUT_MS, ...since };
}

function wait(since: Down, now: Instant, random: number): Link {
  return { phase: "waiting", retryAt: now + reconnectDelayMs(since.failures, random), ...since };
}

function down({ downSince, wasLive, failures, announced }: Down): Down {
  return { downSince, wasLive, failures, announced };
}
