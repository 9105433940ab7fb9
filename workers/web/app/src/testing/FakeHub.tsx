import type { QueryClient } from "@tanstack/react-query";
import { act, render } from "@testing-library/react";
import { onTestFinished, vi } from "vitest";
import { LiveConnection } from "../api/live/connection";
import { App } from "../app/App";
import { stayInStepWithOtherTabs } from "../app/otherTabs";
import { createQueryClient } from "../app/queryClient";
import { FakeSocket } from "./FakeSocket";
import { type RecordedAnswer, recordedAt } from "./recorded";

type Answer = Pick<RecordedAnswer, "status" | "body"> & { headers?: Record<string, string> };

/** A hub that answers what the test tells it to, and the page in front of it. */
export class FakeHub {
  readonly sockets: FakeSocket[] = [];
  readonly asked: string[] = [];
  /** Bodies that came with questions, newest last. */
  readonly told: unknown[] = [];
  /** What the page knows. */
  queries: QueryClient | null = null;
  #answers = new Map<string, Answer>();
  #isReachable = true;
  #takesSockets = true;

  constructor() {
    const { latest, historyOfWeight } = recordedAt(Date.now());
    const self = { device: "d1", name: "Phone", role: "carer", resident: 1, grants: [] };
    this.answer("/api/v1/access/me", { status: 200, body: { success: true, data: self } });
    this.answer("/api/vitals/latest", latest);
    this.answer("/api/vitals/today", latest);
    this.answer("/api/vitals/history/weight", historyOfWeight);
    vi.stubGlobal("fetch", (path: string, request?: RequestInit) => this.#respond(path, request));
  }

  /** What is answered at a path; before it the method, where it is not GET: `POST /api/…`. */
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

  /** From now on it takes no sockets, and does not say why. */
  refuseSockets(): void {
    this.#takesSockets = false;
  }

  reappear(): void {
    this.#isReachable = true;
  }

  get socket(): FakeSocket {
    const newest = this.sockets.at(-1);
    if (!newest) throw new Error("The page has not opened a socket");
    return newest;
  }

  renderPage(path = "/", code = ""): void {
    const connection = new LiveConnection(() => {
      const socket = new FakeSocket();
      this.sockets.push(socket);
      queueMicrotask(() =>
        act(() => (this.#isReachable && this.#takesSockets ? socket.greet() : socket.drop())),
      );
      return socket;
    });
    const queries = createQueryClient(() => connection.doubt());
    this.queries = queries;
    onTestFinished(stayInStepWithOtherTabs(queries));
    render(<App connection={connection} queries={queries} path={path} code={code} />);
  }

  async #respond(path: string, { method = "GET", body }: RequestInit = {}): Promise<Response> {
    this.asked.push(method === "GET" ? path : `${method} ${path}`);
    if (typeof body === "string") this.told.push(JSON.parse(body));
    if (!this.#isReachable) throw new TypeError("Failed to fetch");
    const place = path.split("?")[0] ?? path;
    const answer = this.#answers.get(method === "GET" ? place : `${method} ${place}`);
    if (!answer) return new Response("<h1>not found</h1>", { status: 404 });
    return Response.json(answer.body, { status: answer.status, headers: answer.headers ?? {} });
  }
}
