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

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** GETs `path` of the hub and returns `data` of its envelope `{success, data}`. */
export async function get(path: string, signal?: AbortSignal): Promise<unknown> {
  const response = await send(path, signal);
  if (NOT_THERE.has(response.status)) throw new UnreachableError(`${path}: ${response.status}`);
  const envelope = await readEnvelope(response);
  if (response.ok && envelope?.success === true) return envelope.data;
  throw new RefusedError(
    response.status,
    envelope?.error ?? `The hub gave an answer that this page does not know`,
  );
}

async function send(path: string, signal: AbortSignal | undefined): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(path, {
      headers: { accept: "application/json" },
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
