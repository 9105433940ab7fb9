// What each device may see of the resident, as it is on the wire, turned into types where it arrives.
import { queryOptions } from "@tanstack/react-query";
import { get, put, remove } from "../request";
import { devices } from "./queries";

type Level = "read" | "write";

/** What can be shared with devices of a role, and how much: what the hub gives them at first. */
const SHARED: Readonly<Record<string, Readonly<Record<string, Level>>>> = {
  carer: {
    vitals: "write",
    medication: "write",
    appointments: "write",
    nutrition: "write",
    activity: "write",
    video: "write",
    devices: "write",
    sharing: "read",
  },
  clinician: {
    vitals: "read",
    medication: "read",
    appointments: "read",
    nutrition: "read",
    activity: "read",
    video: "write",
  },
  device: { vitals: "write", activity: "write", devices: "write" },
};

/** Whether an area can be shared with a device of this role. */
export function canBeShared(role: string, area: string): boolean {
  return SHARED[role]?.[area] !== undefined;
}

/** The areas that are shared with each device, by its id. */
export type Shares = ReadonlyMap<string, ReadonlySet<string>>;

/** Below the devices, because whoever comes in brings what it may see. */
export const shares = queryOptions({
  queryKey: [...devices.queryKey, "shares"],
  queryFn: async ({ signal }) => readShares(await get("/api/v1/access/report", signal)),
});

export interface Share {
  device: string;
  role: string;
  area: string;
  isShared: boolean;
}

/** Shares an area with a device, or withdraws it: in force at once. */
export async function share({ device, role, area, isShared }: Share): Promise<void> {
  const path = `/api/v1/access/grants/${encodeURIComponent(device)}/${encodeURIComponent(area)}`;
  if (isShared) await put(path, { level: SHARED[role]?.[area] ?? "read" });
  else await remove(path);
}

export function readShares(data: unknown): Shares {
  const rows: Record<string, unknown>[] = Array.isArray(data) ? data : [];
  return new Map(rows.map(({ device, grants }) => [idOf(device), areasOf(grants)]));
}

function idOf(device: unknown): string {
  return String((device as Record<string, unknown> | null)?.id);
}

/** Those in force; the report also has those that are over. */
function areasOf(grants: unknown): ReadonlySet<string> {
  const rows: Record<string, unknown>[] = Array.isArray(grants) ? grants : [];
  return new Set(rows.filter((row) => row.withdrawn_at == null).map(({ area }) => String(area)));
}
