/** What signaling says to this page. The descriptions and candidates are the browsers' own, passed on as they are. */
export type Word =
  /** We sit in the room, with these. */
  | { type: "joined-room"; participants: readonly string[] }
  | { type: "user-joined"; userId: string }
  | { type: "user-left"; userId: string }
  | { type: "offer"; from: string; offer: RTCSessionDescriptionInit }
  | { type: "answer"; from: string; answer: RTCSessionDescriptionInit }
  | { type: "ice-candidate"; from: string; candidate: RTCIceCandidateInit }
  | { type: "error"; message: string };

/** What this page says. */
export type Said =
  | { type: "join-room"; roomId: string; userId: string }
  | { type: "offer"; roomId: string; offer: RTCSessionDescriptionInit }
  | { type: "answer"; roomId: string; answer: RTCSessionDescriptionInit }
  | { type: "ice-candidate"; roomId: string; candidate: RTCIceCandidateInit }
  | { type: "leave-room" };

/** Reads one frame; `null` if it is nothing that a call listens for. */
export function readWord(frame: unknown): Word | null {
  const message = typeof frame === "string" ? parse(frame) : null;
  const from = message?.fromUserId;
  switch (message?.type) {
    case "joined-room": {
      const { participants } = message;
      return Array.isArray(participants)
        ? { type: message.type, participants: participants.filter(isText) }
        : null;
    }
    case "user-joined":
    case "user-left":
      return isText(message.userId) ? { type: message.type, userId: message.userId } : null;
    case "offer":
      return isText(from) && isObject(message.offer)
        ? { type: "offer", from, offer: message.offer as unknown as RTCSessionDescriptionInit }
        : null;
    case "answer":
      return isText(from) && isObject(message.answer)
        ? { type: "answer", from, answer: message.answer as unknown as RTCSessionDescriptionInit }
        : null;
    case "ice-candidate":
      return isText(from) && isObject(message.candidate)
        ? { type: "ice-candidate", from, candidate: message.candidate }
        : null;
    case "error":
      return { type: "error", message: isText(message.message) ? message.message : "" };
    default:
      return null;
  }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const message: unknown = JSON.parse(text);
    return isObject(message) ? message : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
