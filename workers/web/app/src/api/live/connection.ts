// Does what link.ts decides: opens and closes sockets, keeps one timer, tells those who listen.
import type { Instant } from "../../time/age";
import { isAboutAccess, isGoodbye } from "./backoff";
import type { Link, Presence } from "./link";
import * as links from "./link";
import { readMessage } from "./messages";

export interface LiveStatus {
  presence: Presence;
  /** Since when there is no connection; `null` while there is one. */
  downSince: Instant | null;
}

/** What the connection needs of a WebSocket; tests bring their own. */
export type LiveSocket = Pick<WebSocket, "close" | "onmessage" | "onclose">;

type Listener = () => void;

export class LiveConnection {
  readonly #openSocket: () => LiveSocket;
  #link: Link = links.firstLink(Date.now());
  #socket: LiveSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #status: LiveStatus = { presence: "connecting", downSince: null };
  readonly #statusListeners = new Set<Listener>();
  readonly #newsListeners = new Set<Listener>();
  readonly #rightsListeners = new Set<Listener>();
  readonly #failureListeners = new Set<Listener>();

  constructor(openSocket: () => LiveSocket) {
    this.#openSocket = openSocket;
  }

  /** The same object until something changes, as React's external stores want it. */
  get status(): LiveStatus {
    return this.#status;
  }

  start(): void {
    this.#become(links.firstLink(Date.now()));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#dropSocket();
  }

  nudge(): void {
    this.#become(links.nudged(this.#link, Date.now()));
  }

  doubt(): void {
    this.#become(links.doubted(this.#link, Date.now(), Math.random()));
  }

  onStatus(listener: Listener): () => void {
    return listen(this.#statusListeners, listener);
  }

  /** Called whenever there may be something new to ask the hub for: after each (re)connect and each update. */
  onNews(listener: Listener): () => void {
    return listen(this.#newsListeners, listener);
  }

  /** Called when the hub ends the connection because this device may see something else than before, or nothing. */
  onRightsChanged(listener: Listener): () => void {
    return listen(this.#rightsListeners, listener);
  }

  /** Called when a try to connect failed. Browsers do not say why: a hub that is away and one that refuses look alike. */
  onFailure(listener: Listener): () => void {
    return listen(this.#failureListeners, listener);
  }

  #become(link: Link): void {
    const before = this.#link;
    this.#link = link;
    if (link.phase === "opening" && (before.phase !== "opening" || this.#socket === null)) this.#open();
    if (link.phase === "waiting") this.#dropSocket();
    this.#look();
    if (link.phase === "live" && before.phase !== "live") tell(this.#newsListeners);
  }

  #open(): void {
    this.#dropSocket();
    const socket = this.#openSocket();
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onclose = ({ code, reason }) => {
      const happened = isGoodbye(code) ? links.dismissed : links.lost;
      const wasLive = this.#link.phase === "live";
      this.#become(happened(this.#link, Date.now(), Math.random()));
      if (isAboutAccess(code, reason)) tell(this.#rightsListeners);
      else if (!wasLive) tell(this.#failureListeners);
    };
  }

  #received(frame: unknown): void {
    const { type } = readMessage(frame);
    if (type === "connection") this.#become(links.greeted(this.#link, Date.now()));
    if (type === "vital-update") tell(this.#newsListeners);
  }

  /** A socket that was let go has no say any more: its late close must not count against its successor. */
  #dropSocket(): void {
    if (this.#socket === null) return;
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }

  /** Publishes what is to be shown and sets the timer for the next time that it may change. */
  #look(): void {
    const now = Date.now();
    const downSince = this.#link.phase === "live" ? null : this.#link.downSince;
    this.#publish({ presence: links.presence(this.#link, now), downSince });
    clearTimeout(this.#timer);
    const at = links.nextLook(this.#link, now);
    if (at !== null) this.#timer = setTimeout(() => this.#tick(), Math.max(0, at - now));
  }

  #tick(): void {
    this.#become(links.ticked(this.#link, Date.now(), Math.random()));
  }

  #publish(status: LiveStatus): void {
    if (status.presence === this.#status.presence && status.downSince === this.#status.downSince) return;
    this.#status = status;
    tell(this.#statusListeners);
  }
}

function listen(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function tell(listeners: Set<Listener>): void {
  for (const listener of listeners) listener();
}
