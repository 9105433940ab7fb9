/** Longer than any answer of a hub in the same home should take; shorter than a person waits before doubting. */
const TIMEOUT_MS = 8_000;

/** The gateway's words for "the part that would answer is not there". */
const NOT_THERE = new Set([502, 503, 504]);

/** No answer came: the hub is off, out of reach, or the part that answers is just starting. */
export class UnreachableError extends Error {
  override name = "UnreachableError";
}

/** The hub answered and said no; `message` is its own text. */
export class RefusedError extends Error {
  override name = "RefusedError";
  readonly status: number;
  /** How long the hub asks to be left alone, in seconds; `null` if it does not. */
  readonly waitSeconds: number | null;
  /** Whether the PIN is needed, which this device can be unlocked with; `"unset"` if there is none yet. */
  readonly needsPin: "set" | "unset" | null;

  constructor(
    status: number,
    message: string,
    waitSeconds: number | null = null,
    needsPin: "set" | "unset" | null = null,
  ) {
    super(message);
    this.status = status;
    this.waitSeconds = waitSeconds;
    this.needsPin = needsPin;
  }
}

/** Whether the hub does not know this device (any more). */
export function isStranger(error: unknown): boolean {
  return error instanceof RefusedError && error.status === 401;
}

/** GETs `path` of the hub and returns `data` of its envelope `{success, data}`. */
export function get(path: string, signal?: AbortSignal): Promise<unknown> {
  return ask(path, {}, signal);
}

/** POSTs `body` as JSON and returns `data` of the answer's envelope. */
export function post(path: string, body: unknown): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}

/** PUTs `body` as JSON. */
export async function put(path: string, body: unknown): Promise<void> {
  const headers = { "content-type": "application/json" };
  await ask(path, { method: "PUT", headers, body: JSON.stringify(body) });
}

/** DELETEs what is at `path`. */
export async function remove(path: string): Promise<void> {
  await removeFor(path);
}

/** The same, and returns what the hub says of it. */
export function removeFor(path: string): Promise<unknown> {
  return ask(path, { method: "DELETE" });
}

/** Asks the person for the PIN, or for the first one if there is none; whether the hub took it. */
export type PinPrompt = (needs: "set" | "unset") => Promise<boolean>;
let promptForPin: PinPrompt | null = null;

/** Who asks for the PIN from now on; `null` is nobody. */
export function setPinPrompt(prompt: PinPrompt | null): void {
  promptForPin = prompt;
}

/** Asks for the PIN before something that the browser does by itself; whether the hub took it. */
export async function askForPin(needs: "set" | "unset"): Promise<boolean> {
  return promptForPin !== null && (await promptForPin(needs));
}

/** Once more after the PIN: what was typed goes with it, so nothing is lost. */
async function ask(path: string, request: RequestInit, signal?: AbortSignal): Promise<unknown> {
  try {
    return await askOnce(path, request, signal);
  } catch (error) {
    const isAsking = path.startsWith("/api/v1/access/unlock") || path.startsWith("/api/v1/access/pin");
    const needs = error instanceof RefusedError && !isAsking ? error.needsPin : null;
    if (needs === null || !(await askForPin(needs))) throw error;
    return await askOnce(path, request, signal);
  }
}

async function askOnce(path: string, request: RequestInit, signal?: AbortSignal): Promise<unknown> {
  const response = await send(path, request, signal);
  if (NOT_THERE.has(response.status)) throw new UnreachableError(`${path}: ${response.status}`);
  const envelope = await readEnvelope(response);
  if (response.ok && envelope?.success === true) return envelope.data;
  throw new RefusedError(
    response.status,
    envelope?.error ?? `The hub gave an answer that this page does not know`,
    readWait(response.headers.get("retry-after")),
    readNeed(envelope),
  );
}

function readNeed(envelope: Envelope | null): "set" | "unset" | null {
  if (envelope?.needs !== "pin") return null;
  return envelope.pin === "unset" ? "unset" : "set";
}

function readWait(text: string | null): number | null {
  const seconds = Number(text ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : null;
}

async function send(path: string, request: RequestInit, signal: AbortSignal | undefined): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(path, {
      ...request,
      headers: { accept: "application/json", ...request.headers },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new UnreachableError(`${path}: no answer`, { cause });
  }
}

interface Envelope {
  success?: unknown;
  data?: unknown;
  error?: string;
  needs?: unknown;
  pin?: unknown;
}

async function readEnvelope(response: Response): Promise<Envelope | null> {
  try {
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null ? body : null;
  } catch {
    return null;
  }
}
