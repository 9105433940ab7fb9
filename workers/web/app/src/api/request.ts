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

  constructor(status: number, message: string, waitSeconds: number | null = null) {
    super(message);
    this.status = status;
    this.waitSeconds = waitSeconds;
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

/** DELETEs what is at `path`. */
export async function remove(path: string): Promise<void> {
  await removeFor(path);
}

/** The same, and returns what the hub says of it. */
export function removeFor(path: string): Promise<unknown> {
  return ask(path, { method: "DELETE" });
}

async function ask(path: string, request: RequestInit, signal?: AbortSignal): Promise<unknown> {
  const response = await send(path, request, signal);
  if (NOT_THERE.has(response.status)) throw new UnreachableError(`${path}: ${response.status}`);
  const envelope = await readEnvelope(response);
  if (response.ok && envelope?.success === true) return envelope.data;
  throw new RefusedError(
    response.status,
    envelope?.error ?? `The hub gave an answer that this page does not know`,
    readWait(response.headers.get("retry-after")),
  );
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
}

async function readEnvelope(response: Response): Promise<Envelope | null> {
  try {
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null ? body : null;
  } catch {
    return null;
  }
}
