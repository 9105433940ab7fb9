import { describe, expect, it } from "vitest";
import * as calls from "./call";
import { readWord } from "./wire";

const NOW = 1_000_000;

/** Alice, whose id is the smaller one, or Bob, in a call with the other that is heard and seen. */
function talking(me: "alice" | "bob"): calls.Call {
  const other = me === "alice" ? "bob" : "alice";
  const seated = calls.heard(calls.firstCall(me), { type: "joined-room", participants: [other] }, NOW).call;
  return calls.mediaChanged(seated, "connected").call;
}

const alice = talking("alice");

describe("a call", () => {
  it("begins with the smaller id's offer", () => {
    const joined = { type: "joined-room", participants: ["alice", "bob"] } as const;
    expect(calls.heard(calls.firstCall("alice"), joined, NOW).orders).toEqual([{ do: "offer" }]);
    expect(calls.heard(calls.firstCall("bob"), joined, NOW).orders).toEqual([]);
    const later = calls.heard(calls.firstCall("alice"), { type: "user-joined", userId: "bob" }, NOW);
    expect(later.orders).toEqual([{ do: "offer" }]);
  });

  it("does not end with its signaling", () => {
    expect(calls.closed(alice)).toEqual({ call: { ...alice, isSeated: false }, orders: [] });
  });

  it.each(["alice", "bob"] as const)("is not negotiated again while the two hear each other (%s)", (me) => {
    const call = talking(me);
    const other = call.other ?? "";
    const back = calls.opened(calls.closed(call).call);
    expect(back.orders).toEqual([{ do: "join" }]);
    // First of the two, and then the other one comes.
    const first = calls.heard(back.call, { type: "joined-room", participants: [] }, NOW);
    expect(first.orders).toEqual([]);
    const both = calls.heard(first.call, { type: "user-joined", userId: other }, NOW);
    expect(both).toEqual({ call, orders: [] });
    // Or second.
    const second = calls.heard(back.call, { type: "joined-room", participants: [other] }, NOW);
    expect(second).toEqual({ call, orders: [] });
  });

  it("is negotiated again when they do not hear each other, or when it is somebody else", () => {
    const joined = { type: "user-joined", userId: "bob" } as const;
    for (const media of ["connecting", "failed"] as const) {
      expect(calls.heard({ ...alice, media }, joined, NOW).orders).toEqual([{ do: "offer" }]);
    }
    const carol = calls.heard(alice, { type: "user-joined", userId: "carol" }, NOW);
    expect(carol.orders).toEqual([{ do: "offer" }]);
    expect(carol.call).toMatchObject({ other: "carol", media: "connecting" });
  });

  it("ends a moment after the other one has left, and not if they are back by then", () => {
    const left = calls.heard(alice, { type: "user-left", userId: "bob" }, NOW);
    expect(left.orders).toEqual([]);
    expect(calls.ticked(left.call, NOW + calls.LEFT_GRACE_MS - 1)).toEqual({ call: left.call, orders: [] });
    const over = calls.ticked(left.call, NOW + calls.LEFT_GRACE_MS);
    expect(over.orders).toEqual([{ do: "end" }]);
    expect(over.call).toMatchObject({ other: null, media: "none", isSeated: true });
    const back = calls.heard(left.call, { type: "user-joined", userId: "bob" }, NOW + 1);
    expect(back).toEqual({ call: alice, orders: [] });
    expect(calls.heard(alice, { type: "user-left", userId: "carol" }, NOW).call).toBe(alice);
  });

  it("ends when nothing comes any more from somebody who did not come back", () => {
    const alone = calls.heard(calls.closed(alice).call, { type: "joined-room", participants: [] }, NOW).call;
    expect(alone).toMatchObject({ other: "bob", media: "connected", isOtherSeated: false });
    expect(calls.mediaChanged(alone, "failed").orders).toEqual([{ do: "end" }]);
    // Somebody who is there is tried again.
    expect(calls.mediaChanged(alice, "failed").orders).toEqual([{ do: "offer" }]);
    expect(calls.mediaChanged(talking("bob"), "failed").orders).toEqual([]);
    // Without signaling there is nobody to ask; that comes when we are seated again.
    expect(calls.mediaChanged(calls.closed(alice).call, "failed").orders).toEqual([]);
  });

  it("answers whoever offers, and listens to nobody else's answers and candidates", () => {
    const offer = { type: "offer", sdp: "o" } as const;
    const offered = calls.heard(alice, { type: "offer", from: "bob", offer }, NOW);
    expect(offered.orders).toEqual([{ do: "answer", offer }]);
    const answer = { type: "answer", sdp: "a" } as const;
    expect(calls.heard(alice, { type: "answer", from: "bob", answer }, NOW).orders).toEqual([
      { do: "accept", answer },
    ]);
    expect(calls.heard(alice, { type: "answer", from: "carol", answer }, NOW).orders).toEqual([]);
    expect(calls.heard(alice, { type: "ice-candidate", from: "carol", candidate: {} }, NOW).orders).toEqual(
      [],
    );
  });

  it("comes back later to a full room, and takes a seat anew that the hub lost", () => {
    const error = { type: "error", message: "Room is full" } as const;
    expect(calls.heard(calls.firstCall("alice"), error, NOW).orders).toEqual([{ do: "retry" }]);
    const lost = calls.heard(alice, { type: "error", message: "Invalid room" }, NOW);
    expect(lost).toEqual({ call: { ...alice, isSeated: false }, orders: [{ do: "join" }] });
  });

  it("does not offer again at once what the browser refused", () => {
    expect(calls.refusedByBrowser(alice).orders).toEqual([{ do: "end" }]);
  });
});

describe("a frame", () => {
  it.each([
    ['{"type":"joined-room","roomId":"r","userId":"a","participants":["b",7]}', { participants: ["b"] }],
    ['{"type":"user-left","userId":"b"}', { type: "user-left", userId: "b" }],
    ['{"type":"offer","offer":{"sdp":"x"},"fromUserId":"b"}', { from: "b", offer: { sdp: "x" } }],
    ['{"type":"error","message":"Room is full"}', { message: "Room is full" }],
  ])("is read: %s", (frame, expected) => {
    expect(readWord(frame)).toMatchObject(expected);
  });

  it.each([
    "not json",
    "null",
    "[]",
    '{"type":"unknown"}',
    '{"type":"offer","offer":1,"fromUserId":"b"}',
    '{"type":"answer","answer":{}}',
    '{"type":"user-joined"}',
    '{"type":"joined-room"}',
    new ArrayBuffer(2),
  ])("that makes no sense is none: %s", (frame) => {
    expect(readWord(frame)).toBeNull();
  });
});
