// Does what call.ts decides: keeps one socket, one timer for coming back, one for the end, and one peer connection.
import { isGoodbye, reconnectDelayMs, restartDelayMs } from "../live/backoff";
import type { Call, Order, Step } from "./call";
import * as calls from "./call";
import type { OpenPeer, Peer } from "./peer";
import { readWord, type Said } from "./wire";

/** What a call needs of a WebSocket; tests bring their own. */
export type SignalingSocket = Pick<WebSocket, "send" | "close" | "onopen" | "onmessage" | "onclose">;

export class CallConnection {
  readonly #room: string;
  readonly #openSocket: () => SignalingSocket;
  readonly #openPeer: OpenPeer;
  #call: Call;
  #socket: SignalingSocket | null = null;
  #peer: Peer | null = null;
  /** Tries to be seated that failed, one after the other. */
  #failures = 0;
  #comesBack: ReturnType<typeof setTimeout> | undefined;
  #ends: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(me: string, room: string, openSocket: () => SignalingSocket, openPeer: OpenPeer) {
    this.#room = room;
    this.#openSocket = openSocket;
    this.#openPeer = openPeer;
    this.#call = calls.firstCall(me);
  }

  /** The same object until something changes. */
  get call(): Call {
    return this.#call;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  start(): void {
    clearTimeout(this.#comesBack);
    this.#dropSocket();
    const socket = this.#openSocket();
    this.#socket = socket;
    socket.onopen = () => this.#take(calls.opened(this.#call));
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onclose = ({ code }) => this.#closed(code);
  }

  /** Ends the call, for good and for both. */
  hangUp(): void {
    clearTimeout(this.#comesBack);
    clearTimeout(this.#ends);
    if (this.#call.isSeated) this.#say({ type: "leave-room" });
    this.#dropSocket();
    this.#dropPeer();
    this.#become(calls.firstCall(this.#call.me));
  }

  #received(frame: unknown): void {
    const word = readWord(frame);
    if (word === null) return;
    if (word.type === "joined-room") this.#failures = 0;
    this.#take(calls.heard(this.#call, word, Date.now()));
  }

  #closed(code: number): void {
    this.#socket = null;
    const isRestart = isGoodbye(code) && this.#call.isSeated;
    this.#take(calls.closed(this.#call));
    if (isRestart) this.#comeBackIn(restartDelayMs(Math.random()));
    else this.#retry();
  }

  #retry(): void {
    this.#dropSocket();
    this.#failures += 1;
    this.#comeBackIn(reconnectDelayMs(this.#failures, Math.random()));
  }

  #comeBackIn(ms: number): void {
    clearTimeout(this.#comesBack);
    this.#comesBack = setTimeout(() => this.start(), ms);
  }

  #take({ call, orders }: Step): void {
    this.#become(call);
    for (const order of orders) this.#obey(order);
  }

  #become(call: Call): void {
    if (call === this.#call) return;
    this.#call = call;
    clearTimeout(this.#ends);
    if (call.endsAt !== null) {
      this.#ends = setTimeout(
        () => this.#take(calls.ticked(this.#call, Date.now())),
        call.endsAt - Date.now(),
      );
    }
    for (const listener of this.#listeners) listener();
  }

  #obey(order: Order): void {
    switch (order.do) {
      case "join":
        this.#say({ type: "join-room", roomId: this.#room, userId: this.#call.me });
        break;
      case "retry":
        this.#retry();
        break;
      case "offer":
        this.#negotiate(async (peer) => ({ type: "offer", roomId: this.#room, offer: await peer.offer() }));
        break;
      case "answer":
        this.#negotiate(async (peer) => {
          return { type: "answer", roomId: this.#room, answer: await peer.answer(order.offer) };
        });
        break;
      case "accept":
        if (this.#peer) this.#attempt(this.#peer, this.#peer.accept(order.answer));
        break;
      case "add":
        // One way of several to reach the other one: what cannot be used is none.
        this.#peer?.add(order.candidate).catch(() => undefined);
        break;
      case "end":
        this.#dropPeer();
        break;
    }
  }

  /** Begins anew, with a peer connection that knows nothing of the one before. */
  #negotiate(word: (peer: Peer) => Promise<Said>): void {
    this.#dropPeer();
    const peer = this.#openPeer({
      onCandidate: (candidate) => this.#say({ type: "ice-candidate", roomId: this.#room, candidate }),
      onMedia: (media) => {
        if (this.#peer === peer) this.#take(calls.mediaChanged(this.#call, media));
      },
    });
    this.#peer = peer;
    const describe = async () => {
      const said = await word(peer);
      if (this.#peer === peer) this.#say(said);
    };
    this.#attempt(peer, describe());
  }

  /** A description that a browser refuses ends this attempt. One that was replaced meanwhile matters no more. */
  #attempt(peer: Peer, described: Promise<void>): void {
    described.catch(() => {
      if (this.#peer === peer) this.#take(calls.refusedByBrowser(this.#call));
    });
  }

  /** What is said while we have no seat would be refused; whoever is seated again begins anew if it was needed. */
  #say(said: Said): void {
    if (this.#call.isSeated || said.type === "join-room") this.#socket?.send(JSON.stringify(said));
  }

  #dropPeer(): void {
    const peer = this.#peer;
    this.#peer = null;
    peer?.close();
  }

  #dropSocket(): void {
    if (this.#socket === null) return;
    this.#socket.onopen = null;
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }
}
