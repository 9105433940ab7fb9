import { beforeEach, describe, expect, it, vi } from "vitest";
import { FakeSocket } from "../../testing/FakeSocket";
import { seededRandom } from "../../testing/seededRandom";
import { RESTART_CEILING_MS } from "./backoff";
import { LiveConnection } from "./connection";

let sockets: FakeSocket[];
let connection: LiveConnection;
const news = vi.fn();

function newest(): FakeSocket {
  const socket = sockets.at(-1);
  if (!socket) throw new Error("no socket was opened");
  return socket;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  news.mockClear();
  sockets = [];
  connection = new LiveConnection(() => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return socket;
  });
  connection.onNews(news);
  connection.start();
});

describe("a connection", () => {
  it("is live at the greeting and asks for what it may have missed", () => {
    expect(connection.status.presence).toBe("connecting");
    newest().greet();
    expect(connection.status).toEqual({ presence: "live", downSince: null });
    expect(news).toHaveBeenCalledTimes(1);
  });

  it("brings news of vitals and of nothing else", () => {
    newest().greet();
    newest().say({ type: "ble-state", state: "poweredOn" });
    newest().sayRaw("not json");
    newest().sayRaw(new ArrayBuffer(2));
    expect(news).toHaveBeenCalledTimes(1);
    newest().say({ type: "vital-update", vitalType: "heart_rate", vital: {}, deviceAddress: "AA:BB" });
    expect(news).toHaveBeenCalledTimes(2);
  });

  it("tries again after half a second, then after longer, and is live again without a reload", () => {
    newest().greet();
    newest().drop();
    expect(connection.status.presence).toBe("reconnecting");
    vi.advanceTimersByTime(499);
    expect(sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(2);
    newest().drop();
    vi.advanceTimersByTime(999);
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(3);
    newest().greet();
    expect(connection.status.presence).toBe("live");
    expect(news).toHaveBeenCalledTimes(2);
  });

  it("turns from reconnecting to offline by itself, while a try is under way", () => {
    const statuses: string[] = [];
    newest().greet();
    connection.onStatus(() => statuses.push(connection.status.presence));
    newest().drop();
    vi.advanceTimersByTime(3_000);
    expect(statuses).toEqual(["reconnecting", "offline"]);
  });

  it("says nothing of a restart that it was told of and that is over in a second", () => {
    const statuses: string[] = [];
    newest().greet();
    connection.onStatus(() => statuses.push(connection.status.presence));
    newest().drop(1012);
    vi.advanceTimersByTime(249);
    expect(sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(1_000);
    newest().greet();
    expect(new Set(statuses)).toEqual(new Set(["live"]));
    expect(news).toHaveBeenCalledTimes(2);
  });

  it("says so when such a restart takes longer", () => {
    const statuses: string[] = [];
    newest().greet();
    newest().drop(1000);
    connection.onStatus(() => statuses.push(connection.status.presence));
    vi.advanceTimersByTime(1_999);
    expect(statuses).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(statuses).toEqual(["reconnecting"]);
    vi.advanceTimersByTime(1_000);
    expect(statuses).toEqual(["reconnecting", "offline"]);
  });

  it("comes back at another instant than the other screens of the house", () => {
    const random = seededRandom(11);
    vi.spyOn(Math, "random").mockImplementation(random);
    const cameBack: number[] = [];
    const screens = Array.from({ length: 40 }, () => {
      const own: FakeSocket[] = [];
      const screen = new LiveConnection(() => {
        const socket = new FakeSocket();
        if (own.length > 0) cameBack.push(Date.now());
        own.push(socket);
        return socket;
      });
      screen.start();
      own[0]?.greet();
      return own;
    });
    const restarted = Date.now();
    for (const [first] of screens) first?.drop(1012);
    vi.advanceTimersByTime(RESTART_CEILING_MS);
    expect(cameBack).toHaveLength(screens.length);
    const tenths = cameBack.map((at) => Math.floor(((at - restarted) / RESTART_CEILING_MS) * 10));
    expect(new Set(tenths).size).toBeGreaterThan(7);
    const busiest = Math.max(...tenths.map((tenth) => tenths.filter((other) => other === tenth).length));
    expect(busiest).toBeLessThan(screens.length / 2);
  });

  it("goes on trying every few seconds for as long as it takes", () => {
    newest().greet();
    newest().drop();
    for (let hour = 0; hour < 60; hour += 1) {
      vi.advanceTimersByTime(60_000);
      newest().drop();
    }
    const before = sockets.length;
    vi.advanceTimersByTime(8_000);
    expect(sockets.length).toBeGreaterThan(before);
  });

  it("closes a socket that never greets and ignores what it says afterwards", () => {
    const silent = newest();
    vi.advanceTimersByTime(5_000);
    expect(silent.isClosedByPage).toBe(true);
    silent.greet();
    expect(connection.status.presence).toBe("offline");
  });

  it("does not count the late close of an old socket against the new one", () => {
    const old = newest();
    old.greet();
    vi.advanceTimersByTime(60_000);
    connection.doubt();
    connection.nudge();
    newest().greet();
    old.drop();
    expect(connection.status.presence).toBe("live");
  });

  it("tries at once when it is nudged", () => {
    newest().greet();
    newest().drop();
    connection.nudge();
    expect(sockets).toHaveLength(2);
  });

  it("leaves nothing behind when it is stopped, and can be started again", () => {
    newest().greet();
    connection.stop();
    expect(newest().isClosedByPage).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    connection.start();
    newest().greet();
    expect(sockets).toHaveLength(2);
    expect(connection.status.presence).toBe("live");
  });
});
