import { queryOptions } from "@tanstack/react-query";
import { get, isStranger, post, put, remove, removeFor } from "../request";
import { type Invitation, type InvitedRole, readDevices, readInvitation } from "./device";

export interface Me {
  device: string | null;
  resident: number | null;
  /** Whether this is the tablet on the wall. */
  kiosk?: boolean;
  /** Whether the resident has a PIN; nobody else is told. */
  pin?: "set" | "unset";
  /** Of a kiosk: how long it is unlocked yet. */
  unlocked_for_seconds?: number;
}

function readMe(data: unknown): Me {
  const { device, resident, kiosk, pin, unlocked_for_seconds } = (data ?? {}) as Partial<
    Record<string, unknown>
  >;
  return {
    device: typeof device === "string" ? device : null,
    resident: typeof resident === "number" ? resident : null,
    kiosk: kiosk === true,
    ...((pin === "set" || pin === "unset") && { pin }),
    ...(typeof unlocked_for_seconds === "number" && { unlocked_for_seconds }),
  };
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

export const devices = queryOptions({
  queryKey: ["access", "devices"],
  queryFn: async ({ signal }) => readDevices(await get("/api/v1/access/devices", signal)),
});

/** Makes this browser a known device: the hub's answer brings the cookie. */
export async function pair(code: string, name: string): Promise<void> {
  await post("/api/v1/access/pair", { code, name });
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
