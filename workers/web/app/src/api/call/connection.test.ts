// Two pages in one call, in front of a signaling hub that the test restarts.
import { beforeEach, describe, expect, it, vi } from "vitest";
import { seededRandom } from "../../testing/seededRandom";
import { LAST_CEILING_MS, RESTART_CEILING_MS } from "../live/backoff";
import type { Media } from "./call";
import { LEFT_GRACE_MS } from "./call";
import { CallConnection, type SignalingSocket } from "./connection";
import type { OpenPeer, Peer } from "./peer";
import type { Said } from "./wire";

/** A hub with one room of two seats, as betti-video has it. */
class Signaling {
  readonly #seats = new Map<string, Client>();
  readonly clients = new Set<Client>();
  readonly joined: string[] = [];
  isUp = true;

  open(): SignalingSocket {
    const client = new Client(this);
    queueMicrotask(() => (this.isUp ? client.opened() : client.dropped(1006)));
    return client;
  }

  hear(client: Client, said: Said): void {
    if (said.type === "join-room") this.#join(client, said.userId);
    else if (said.type === "leave-room") this.leave(client);
    else {
      const from = this.#userOf(client);
      if (from === undefined) client.told({ type: "error", message: "Invalid room" });
      for (const [user, other] of this.#seats) if (user !== from) other.told({ ...said, fromUserId: from });
    }
  }

  leave(client: Client): void {
    const left = this.#userOf(client);
    if (left === undefined) return;
    this.#seats.delete(left);
    for (const other of this.#seats.values()) other.told({ type: "user-left", userId: left });
  }

  /** Everybody is told at once; the next one knows nobody. */
  stop(): void {
    this.isUp = false;
    this.#seats.clear();
    for (const client of [...this.clients]) client.dropped(1012);
  }

  occupy(...users: string[]): void {
    for (const user of users) this.#seats.set(user, new Client(this));
  }

  vacate(user: string): void {
    this.#seats.delete(user);
  }

  #join(client: Client, user: string): void {
    if (this.#seats.size >= 2 && !this.#seats.has(user)) {
      client.told({ type: "error", message: "Room is full" });
      return;
    }
    this.joined.push(user);
    this.#seats.delete(user);
    const others = [...this.#seats];
    this.#seats.set(user, client);
    client.told({
      type: "joined-room",
      roomId: "r",
      userId: user,
      participants: others.map(([name]) => name),
    });
    for (const [, other] of others) other.told({ type: "user-joined", userId: user });
  }

  #userOf(client: Client): string | undefined {
    return [...this.#seats].find(([, seated]) => seated === client)?.[0];
  }
}

class Client implements SignalingSocket {
  onopen: SignalingSocket["onopen"] = null;
  onmessage: SignalingSocket["onmessage"] = null;
  onclose: SignalingSocket["onclose"] = null;
  #isOpen = false;

  constructor(readonly hub: Signaling) {}

  opened(): void {
    this.#isOpen = true;
    this.hub.clients.add(this);
    this.onopen?.call(this as unknown as WebSocket, new Event("open"));
  }

  send(text: string): void {
    if (!this.#isOpen) throw new Error("InvalidStateError: it is not open");
    const said = JSON.parse(text) as Said;
    queueMicrotask(() => this.hub.hear(this, said));
  }

  close(): void {
    this.#isOpen = false;
    this.hub.clients.delete(this);
    this.hub.leave(this);
  }

  told(word: object): void {
    const data = JSON.stringify(word);
    this.onmessage?.call(this as unknown as WebSocket, new MessageEvent("message", { data }));
  }

  dropped(code: number): void {
    this.#isOpen = false;
    this.hub.clients.delete(this);
    this.onclose?.call(this as unknown as WebSocket, new CloseEvent("close", { code }));
  }
}

/** A page: its call, and how often it began to negotiate. */
class Page {
  readonly connection: CallConnection;
  negotiations = 0;
  ended = 0;
  media: (media: Media) => void = () => undefined;

  constructor(name: string, hub: Signaling) {
    const openPeer: OpenPeer = ({ onMedia }) => {
      this.negotiations += 1;
      this.media = onMedia;
      return {
        offer: async () => ({ type: "offer", sdp: name }),
        answer: async () => {
          queueMicrotask(() => onMedia("connected"));
          return { type: "answer", sdp: name };
        },
        accept: async () => onMedia("connected"),
        add: async () => undefined,
        close: () => {
          this.ended += 1;
        },
      } satisfies Peer;
    };
    this.connection = new CallConnection(name, "r", () => hub.open(), openPeer);
    this.connection.start();
  }

  get isTalking(): boolean {
    return this.connection.call.media === "connected";
  }
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

let hub: Signaling;

beforeEach(() => {
  vi.useFakeTimers();
  hub = new Signaling();
});

async function inACall(): Promise<[Page, Page]> {
  const pages: [Page, Page] = [new Page("alice", hub), new Page("bob", hub)];
  await pass(0);
  expect(pages.map((page) => page.isTalking)).toEqual([true, true]);
  return pages;
}

describe("a call", () => {
  it.each(Array.from({ length: 20 }, (_, seed) => [seed]))(
    "goes on while signaling restarts, whoever is back first (%i)",
    async (seed) => {
      vi.spyOn(Math, "random").mockImplementation(seededRandom(seed));
      const pages = await inACall();
      hub.stop();
      hub.isUp = true;
      await pass(RESTART_CEILING_MS);
      expect(hub.joined.slice(2).sort()).toEqual(["alice", "bob"]);
      for (const page of pages) {
        expect(page.isTalking).toBe(true);
        expect(page.negotiations).toBe(1);
        expect(page.ended).toBe(0);
        expect(page.connection.call).toMatchObject({ isSeated: true, isOtherSeated: true });
      }
    },
  );

  it("does not come back with both at the same instant", async () => {
    vi.spyOn(Math, "random").mockImplementation(seededRandom(3));
    await inACall();
    hub.stop();
    hub.isUp = true;
    let waited = 0;
    while (hub.joined.length < 3) {
      await pass(1);
      waited += 1;
    }
    expect(hub.joined).toHaveLength(3);
    expect(waited).toBeLessThanOrEqual(RESTART_CEILING_MS);
  });

  it("goes on while signaling is away for long, and finds it again", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.9);
    const pages = await inACall();
    hub.stop();
    await pass(120_000);
    expect(pages.map((page) => page.isTalking)).toEqual([true, true]);
    hub.isUp = true;
    await pass(LAST_CEILING_MS);
    for (const page of pages) {
      expect(page.connection.call.isSeated).toBe(true);
      expect(page.negotiations).toBe(1);
    }
  });

  it("is negotiated anew after a restart if the two do not hear each other any more", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const [alice, bob] = await inACall();
    hub.stop();
    alice.media("failed");
    bob.media("failed");
    hub.isUp = true;
    await pass(RESTART_CEILING_MS);
    expect([alice.negotiations, bob.negotiations]).toEqual([2, 2]);
    expect([alice.isTalking, bob.isTalking]).toEqual([true, true]);
  });

  it("comes back to a full room until there is a seat", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    hub.occupy("carol", "dave");
    const alice = new Page("alice", hub);
    await pass(5_000);
    expect(alice.connection.call.isSeated).toBe(false);
    hub.vacate("dave");
    await pass(LAST_CEILING_MS);
    expect(alice.connection.call).toMatchObject({ isSeated: true, other: "carol" });
  });

  it("ends for both when one hangs up, and leaves nothing behind", async () => {
    const [alice, bob] = await inACall();
    bob.connection.hangUp();
    await pass(LEFT_GRACE_MS);
    expect(alice.connection.call).toMatchObject({ other: null, media: "none", isSeated: true });
    expect([alice.ended, bob.ended]).toEqual([1, 1]);
    alice.connection.hangUp();
    expect(vi.getTimerCount()).toBe(0);
    expect(hub.clients.size).toBe(0);
  });
});
