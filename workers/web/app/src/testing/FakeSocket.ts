import type { LiveSocket } from "../api/live/connection";

/** What a browser says of a connection that ended without a close frame. */
const ABNORMAL = 1006;

/** A socket whose other end the test holds. */
export class FakeSocket implements LiveSocket {
  onmessage: LiveSocket["onmessage"] = null;
  onclose: LiveSocket["onclose"] = null;
  isClosedByPage = false;

  close(): void {
    this.isClosedByPage = true;
  }

  /** The hub's first words. */
  greet(): void {
    this.say({ type: "connection", message: "Connected to Betti backend" });
  }

  say(message: unknown): void {
    this.sayRaw(JSON.stringify(message));
  }

  sayRaw(data: unknown): void {
    this.onmessage?.call(this as unknown as WebSocket, new MessageEvent("message", { data }));
  }

  /** The other end goes away: without a word, unless it says one. */
  drop(code = ABNORMAL, reason = ""): void {
    this.onclose?.call(this as unknown as WebSocket, new CloseEvent("close", { code, reason }));
  }
}
