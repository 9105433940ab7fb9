// Passkeys as they are on the wire, turned into types where they arrive.
import { type Instant, readInstant } from "../../../time/age";

export interface Passkey {
  id: string;
  /** The device that made it, with which it ends. */
  device: string;
  deviceName: string;
  isOwn: boolean;
  /** The hub's name for which it was made. It opens the hub at no other one. */
  host: string;
  madeAt: Instant | null;
  lastUsedAt: Instant | null;
}

/** Whether passkeys work at the address of this page. */
export interface Here {
  isPossible: boolean;
  /** If not, why, in the hub's words. */
  why: string | null;
  /** The hub's address where they do, if it was told of one. */
  at: string | null;
}

/** This device's own first. */
export function readPasskeys(data: unknown): Passkey[] {
  if (!Array.isArray(data)) return [];
  const all = data.map(readPasskey);
  return [...all.filter(({ isOwn }) => isOwn), ...all.filter(({ isOwn }) => !isOwn)];
}

function readPasskey(row: Record<string, unknown>): Passkey {
  return {
    id: String(row.id),
    device: String(row.device),
    deviceName: String(row.device_name),
    isOwn: row.is_own === true,
    host: String(row.host),
    madeAt: readInstant(text(row.made_at)),
    lastUsedAt: readInstant(text(row.last_used_at)),
  };
}

export function readHere(data: unknown): Here {
  const { possible, why, at } = (data ?? {}) as Record<string, unknown>;
  const address = text(at);
  return {
    isPossible: possible === true,
    why: text(why),
    // It becomes a link.
    at: address !== null && /^https?:\/\//.test(address) ? address : null,
  };
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
