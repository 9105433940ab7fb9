/** What this page listens for on the socket. Everything else that the hub broadcasts is `other`. */
export type LiveMessage = { type: "connection" } | { type: "vital-update" } | { type: "other" };

/**
 * Reads one frame. A `vital-update` carries the reading too, raw from some senders and formatted from others: it is
 * taken as a hint that there is something to ask for, so that there is one shape and one source of what is shown.
 */
export function readMessage(frame: unknown): LiveMessage {
  if (typeof frame !== "string") return { type: "other" };
  try {
    const message: unknown = JSON.parse(frame);
    const type = typeof message === "object" && message !== null && "type" in message ? message.type : null;
    return type === "connection" || type === "vital-update" ? { type } : { type: "other" };
  } catch {
    return { type: "other" };
  }
}
