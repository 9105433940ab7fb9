import { describe, expect, it } from "vitest";
import * as links from "./link";

const NOW = 1_000_000;
const DICE = 0.5;

const live = links.greeted(links.firstLink(NOW), NOW);
const waiting = links.lost(live, NOW, DICE);

describe("a link", () => {
  it("is live only after the hub's greeting", () => {
    const opening = links.firstLink(NOW);
    expect(links.presence(opening, NOW)).toBe("connecting");
    expect(links.presence(links.greeted(opening, NOW), NOW)).toBe("live");
  });

  it("gives up on a socket that opens and says nothing", () => {
    const opening = links.firstLink(NOW);
    const inTime = NOW + links.GREETING_TIMEOUT_MS - 1;
    expect(links.ticked(opening, inTime, DICE)).toBe(opening);
    expect(links.ticked(opening, inTime + 1, DICE).phase).toBe("waiting");
  });

  it("waits before it tries again, longer after each failure, and never resets by trying", () => {
    const delays: number[] = [];
    let link = waiting;
    for (let now = NOW; delays.length < 6; ) {
      if (link.phase !== "waiting") throw new Error("expected to wait");
      delays.push(link.retryAt - now);
      now = link.retryAt;
      link = links.lost(links.ticked(link, now, DICE), now, DICE);
    }
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 4_000, 4_000]);
  });

  it("starts anew once it was live", () => {
    const again = links.lost(links.greeted(links.lost(waiting, NOW, DICE), NOW), NOW, DICE);
    expect(again).toEqual(waiting);
  });

  it("calls a short loss reconnecting and a longer one offline", () => {
    expect(links.presence(waiting, NOW)).toBe("reconnecting");
    expect(links.presence(waiting, NOW + links.OFFLINE_AFTER_MS - 1)).toBe("reconnecting");
    expect(links.presence(waiting, NOW + links.OFFLINE_AFTER_MS)).toBe("offline");
  });

  it("is quiet about a goodbye for a while, through all tries, and comes back soon", () => {
    const told = links.dismissed(live, NOW, DICE);
    expect(told).toMatchObject({ phase: "waiting", retryAt: NOW + 250, failures: 0 });
    const failed = links.lost(links.ticked(told, NOW + 250, DICE), NOW + 300, DICE);
    expect(failed).toMatchObject({ phase: "waiting", retryAt: NOW + 800, failures: 1 });
    for (const link of [told, failed]) {
      expect(links.presence(link, NOW + links.QUIET_MS - 1)).toBe("live");
      expect(links.presence(link, NOW + links.QUIET_MS)).toBe("reconnecting");
      expect(links.presence(link, NOW + links.OFFLINE_AFTER_MS)).toBe("offline");
    }
    const trying = links.ticked(failed, NOW + 800, DICE);
    expect(links.nextLook(trying, NOW + 800)).toBe(NOW + links.QUIET_MS);
    expect(links.nextLook(trying, NOW + links.QUIET_MS)).toBe(NOW + links.OFFLINE_AFTER_MS);
  });

  it("is not quiet about one that vanished, nor let off a try by a goodbye before the greeting", () => {
    expect(links.presence(waiting, NOW)).toBe("reconnecting");
    const opening = links.firstLink(NOW);
    expect(links.dismissed(opening, NOW, DICE)).toEqual(links.lost(opening, NOW, DICE));
  });

  it("keeps the time of the loss through all tries", () => {
    const tried = links.lost(links.ticked(waiting, NOW + 60_000, DICE), NOW + 61_000, DICE);
    expect(tried).toMatchObject({ phase: "waiting", downSince: NOW, failures: 2 });
  });

  it("says offline and not connecting when the hub never answered", () => {
    const never = links.lost(links.firstLink(NOW), NOW, DICE);
    expect(links.presence(never, NOW)).toBe("connecting");
    expect(links.presence(never, NOW + links.OFFLINE_AFTER_MS)).toBe("offline");
  });

  it("tries at once when nudged, if it is waiting, and is not disturbed otherwise", () => {
    expect(links.nudged(waiting, NOW + 1).phase).toBe("opening");
    const opening = links.firstLink(NOW);
    expect(links.nudged(opening, NOW)).toBe(opening);
    expect(links.nudged(live, NOW)).toBe(live);
  });

  it("is doubted only after it had time to prove itself", () => {
    expect(links.doubted(live, NOW + links.TRUST_MS - 1, DICE)).toBe(live);
    expect(links.doubted(live, NOW + links.TRUST_MS, DICE).phase).toBe("waiting");
  });

  it("looks again when something is due, and when live never", () => {
    expect(links.nextLook(live, NOW)).toBeNull();
    expect(links.nextLook(waiting, NOW)).toBe(NOW + 500);
    const later = NOW + links.OFFLINE_AFTER_MS;
    const opening = links.ticked(waiting, NOW + 500, DICE);
    expect(links.nextLook(opening, NOW + 500)).toBe(later);
    expect(links.nextLook(opening, later)).toBe(NOW + 500 + links.GREETING_TIMEOUT_MS);
  });
});
