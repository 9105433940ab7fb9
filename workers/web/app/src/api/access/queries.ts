import { queryOptions } from "@tanstack/react-query";
import { get, isStranger, post, put, remove, removeFor } from "../request";
import { type Device, type Invitation, type InvitedRole, readDevices, readInvitation } from "./device";

export interface Me {
  device: string | null;
  resident: number | null;
  /** For whom it decides who may see what: its own resident's first. */
  speaksFor: number[];
  /** Whether this is the tablet on the wall. */
  kiosk?: boolean;
  /** Whether the resident has a PIN; nobody else is told. */
  pin?: "set" | "unset";
  /** Of a kiosk: how long it is unlocked yet. */
  unlocked_for_seconds?: number;
  /** Of a kiosk without a PIN: how long the first one may be set on it yet. */
  first_pin_within_seconds?: number;
}

function readMe(data: unknown): Me {
  const { device, resident, kiosk, pin, unlocked_for_seconds, first_pin_within_seconds, grants } = (data ??
    {}) as Partial<Record<string, unknown>>;
  const own = typeof resident === "number" ? resident : null;
  // Only who speaks for the device's own resident is told of the PIN.
  const isTold = pin === "set" || pin === "unset";
  return {
    device: typeof device === "string" ? device : null,
    resident: own,
    speaksFor: [...new Set([...(isTold && own !== null ? [own] : []), ...residentsIn(grants)])],
    kiosk: kiosk === true,
    ...(isTold && { pin }),
    ...(typeof unlocked_for_seconds === "number" && { unlocked_for_seconds }),
    ...(typeof first_pin_within_seconds === "number" && { first_pin_within_seconds }),
  };
}

/** Of whom grants let somebody say who may see what. */
function residentsIn(grants: unknown): number[] {
  if (!Array.isArray(grants)) return [];
  return grants
    .filter((grant) => grant?.area === "sharing" && grant.level === "write")
    .map((grant) => Number(grant.resident));
}

/** The hub does not know this device. */
export const STRANGER = "stranger";

/** Who this device is to the hub. */
export const me = queryOptions({
  queryKey: ["access", "me"],
  queryFn: async ({ signal }): Promise<Me | typeof STRANGER> => {
    try {
      return readMe(await get("/api/v1/access/me", signal));
    } catch (error) {
      if (isStranger(error)) return STRANGER;
      throw error;
    }
  },
  // Any other question that is answered 401 says so too.
  staleTime: Number.POSITIVE_INFINITY,
  // What the gate shows while nobody answers asks the same again: it would be gone for as long, and ask for ever.
  retryOnMount: false,
  refetchOnWindowFocus: (query) => query.state.data === STRANGER,
});

/** Every device that was ever let in. */
export const allDevices = queryOptions({
  queryKey: ["access", "devices"],
  queryFn: async ({ signal }) => readDevices(await get("/api/v1/access/devices", signal)),
});

/** Those that are let in now. */
export const devices = queryOptions({
  ...allDevices,
  select: (all: Device[]) => all.filter(({ isRemoved }) => !isRemoved),
});

/**
 * Makes this browser a known device: the hub's answer brings the cookie. Whether the first PIN is to be chosen on it now,
 * because it is the tablet on the wall and there is none.
 */
export async function pair(code: string, name: string): Promise<{ needsPin: boolean }> {
  const paired = (await post("/api/v1/access/pair", { code, name })) as { kiosk?: unknown } | undefined;
  if (paired?.kiosk !== true) return { needsPin: false };
  try {
    return { needsPin: readMe(await get("/api/v1/access/me")).pin === "unset" };
  } catch {
    // It is paired, whatever becomes of the rest; the page asks again.
    return { needsPin: false };
  }
}

/** Unlocks this tablet on the wall. */
export async function unlock(pin: string): Promise<void> {
  await post("/api/v1/access/unlock", { pin });
}

export async function lock(): Promise<void> {
  await post("/api/v1/access/lock", {});
}

/** `present` is needed on the tablet on the wall, once there is a PIN. */
export function setPin(pin: string, present: string | null): Promise<void> {
  return put("/api/v1/access/pin", { pin, ...(present !== null && { present }) });
}

export async function invite(
  role: InvitedRole,
  name: string,
  resident: number | null,
  kiosk = false,
): Promise<Invitation> {
  const about = {
    role,
    ...(kiosk && { kiosk }),
    ...(name && { name }),
    ...(resident !== null && { resident }),
  };
  return readInvitation(await post("/api/v1/access/invitations", about), Date.now());
}

/** Nobody but this device and the hub itself is let in any more to what is this resident's; how many that were. */
export async function removeAllOthers(resident: number | null): Promise<number> {
  const about = resident === null ? "" : `?resident=${resident}`;
  const { removed } = (await removeFor(`/api/v1/access/devices${about}`)) as { removed: unknown };
  return Number(removed);
}

export function removeDevice(id: string): Promise<void> {
  return remove(`/api/v1/access/devices/${encodeURIComponent(id)}`);
}

/** This device is let in no more. */
export function leave(): Promise<void> {
  return remove("/api/v1/access/me");
}
