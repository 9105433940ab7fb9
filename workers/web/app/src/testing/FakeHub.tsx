import { act, render } from "@testing-library/react";
import { vi } from "vitest";
import { LiveConnection } from "../api/live/connection";
import { App } from "../app/App";
import { createQueryClient } from "../app/queryClient";
import { FakeSocket } from "./FakeSocket";
import { type RecordedAnswer, recordedAt } from "./recorded";

type Answer = Pick<RecordedAnswer, "status" | "body">;

/** A hub that answers what the test tells it to, and the page in front of it. */
export class FakeHub {
  readonly sockets: FakeSocket[] = [];
  readonly asked: string[] = [];
  #answers = new Map<string, Answer>();
  #isReachable = true;

  constructor() {
    const { latest, historyOfWeight } = recordedAt(Date.now());
    this.answer("/api/vitals/latest", latest);
    this.answer("/api/vitals/today", latest);
    this.answer("/api/vitals/history/weight", historyOfWeight);
    vi.stubGlobal("fetch", (path: string) => this.#respond(path));
  }

  answer(path: string, answer: Answer): void {
    this.#answers.set(path, answer);
  }

  /** The whole hub is gone: sockets end and questions stay unanswered. */
  disappear(): void {
    this.#isReachable = false;
    act(() => this.sockets.at(-1)?.drop());
  }

  /** The same, but it said why. */
  restart(): void {
    this.#isReachable = false;
    act(() => this.sockets.at(-1)?.drop(1012));
  }

  reappear(): void {
    this.#isReachable = true;
  }

  get socket(): FakeSocket {
    const newest = this.sockets.at(-1);
    if (!newest) throw new Error("The page has not opened a socket");
    return newest;
  }

  renderPage(): void {
    const connection = new LiveConnection(() => {
      const socket = new FakeSocket();
      this.sockets.push(socket);
      queueMicrotask(() => act(() => (this.#isReachable ? socket.greet() : socket.drop())));
      return socket;
    });
    render(<App connection={connection} queries={createQueryClient(() => connection.doubt())} />);
  }

  async #respond(path: string): Promise<Response> {
    this.asked.push(path);
    if (!this.#isReachable) throw new TypeError("Failed to fetch");
    const answer = this.#answers.get(path.split("?")[0] ?? path);
    if (!answer) return new Response("<h1>not found</h1>", { status: 404 });
    return Response.json(answer.body, { status: answer.status });
  }
}
