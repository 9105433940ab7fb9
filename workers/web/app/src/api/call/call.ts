// What a video call is, and what follows from what happens to it. Decides only: sockets, timers and peer connections are
// connection.ts's.
//
// Sound and picture go from browser to browser, so a call outlives the signaling that introduced the two: while they hear
// each other, a socket that closes, a hub that restarts and a room that is empty for a moment change nothing about it.
import type { Instant } from "../../time/age";
import type { Word } from "./wire";

/** Whoever is said to have left and is not back after this long has left. */
export const LEFT_GRACE_MS = 2_000;

/** How far sound and picture are. */
export type Media = "none" | "connecting" | "connected" | "failed";

export interface Call {
  /** Our user id. It stays the same through all sockets, so that the hub knows our seat. */
  readonly me: string;
  /** Whom we talk with, or are about to. */
  readonly other: string | null;
  readonly media: Media;
  /** Whether we sit in the room, as far as we know. */
  readonly isSeated: boolean;
  /** Whether the other one does. */
  readonly isOtherSeated: boolean;
  /** When it is believed that the other one has left; `null` while they are there. */
  readonly endsAt: Instant | null;
}

export type Order =
  | { do: "join" }
  /** Give this socket up and come back later. */
  | { do: "retry" }
  /** With a peer connection that is new, in the place of any other. */
  | { do: "offer" }
  | { do: "answer"; offer: RTCSessionDescriptionInit }
  | { do: "accept"; answer: RTCSessionDescriptionInit }
  | { do: "add"; candidate: RTCIceCandidateInit }
  /** Ends the peer connection. */
  | { do: "end" };

export interface Step {
  call: Call;
  orders: Order[];
}

export function firstCall(me: string): Call {
  return { me, other: null, media: "none", isSeated: false, isOtherSeated: false, endsAt: null };
}

/** The socket is open. */
export function opened(call: Call): Step {
  return { call, orders: [{ do: "join" }] };
}

/** The socket closed. Whoever talks goes on. */
export function closed(call: Call): Step {
  return { call: { ...call, isSeated: false }, orders: [] };
}

/** The hub said something. */
export function heard(call: Call, word: Word, now: Instant): Step {
  switch (word.type) {
    case "joined-room":
      return seated(
        { ...call, isSeated: true },
        word.participants.find((user) => user !== call.me),
      );
    case "user-joined":
      return met(call, word.userId);
    case "user-left":
      return word.userId === call.other
        ? { call: { ...call, isOtherSeated: false, endsAt: now + LEFT_GRACE_MS }, orders: [] }
        : same(call);
    case "offer":
      return {
        call: { ...call, other: word.from, media: "connecting", isOtherSeated: true, endsAt: null },
        orders: [{ do: "answer", offer: word.offer }],
      };
    case "answer":
      return word.from === call.other
        ? { call, orders: [{ do: "accept", answer: word.answer }] }
        : same(call);
    case "ice-candidate":
      return word.from === call.other
        ? { call, orders: [{ do: "add", candidate: word.candidate }] }
        : same(call);
    case "error":
      return refused(call);
  }
}

/** The peer connection says how it fares. */
export function mediaChanged(call: Call, media: Media): Step {
  const changed = { ...call, media };
  if (media !== "failed") return { call: changed, orders: [] };
  // Nobody is there to begin anew with, and the hub says so.
  if (call.isSeated && !call.isOtherSeated) return ended(call);
  return call.isSeated ? negotiated(changed) : { call: changed, orders: [] };
}

/** The browser can make nothing of a description. Trying the same again at once would go on for ever. */
export function refusedByBrowser(call: Call): Step {
  return { call: { ...call, media: "failed" }, orders: [{ do: "end" }] };
}

/** A deadline may have passed. */
export function ticked(call: Call, now: Instant): Step {
  return call.endsAt !== null && now >= call.endsAt ? ended(call) : same(call);
}

function seated(call: Call, other: string | undefined): Step {
  if (other !== undefined) return met(call, other);
  const alone = { ...call, isOtherSeated: false };
  // After a restart the room is empty until both are back; whoever we hear is there all the same.
  return call.media === "connected" || call.media === "none" ? { call: alone, orders: [] } : ended(alone);
}

/** The other one sits in the room. */
function met(call: Call, other: string): Step {
  const together = { ...call, other, isOtherSeated: true, endsAt: null };
  if (call.other === other && call.media === "connected") return { call: together, orders: [] };
  return negotiated(together);
}

/** The one whose id is smaller offers, as all of Betti's clients do; the other one waits for it. */
function negotiated(call: Call): Step {
  const offers = call.other !== null && call.me < call.other;
  return { call: { ...call, media: "connecting" }, orders: offers ? [{ do: "offer" }] : [] };
}

function refused(call: Call): Step {
  // Seated, and refused all the same: the hub lost the seat ("Invalid room"). Else the room is full, for now.
  return call.isSeated
    ? { call: { ...call, isSeated: false }, orders: [{ do: "join" }] }
    : { call, orders: [{ do: "retry" }] };
}

function ended(call: Call): Step {
  return {
    call: { ...call, other: null, media: "none", isOtherSeated: false, endsAt: null },
    orders: [{ do: "end" }],
  };
}

function same(call: Call): Step {
  return { call, orders: [] };
}
