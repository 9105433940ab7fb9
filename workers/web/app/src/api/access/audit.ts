// Who looked at or changed what, as it is on the wire, turned into types where it arrives.
import { infiniteQueryOptions } from "@tanstack/react-query";
import { get } from "../request";

/** How many entries are asked for at once. */
export const PAGE_SIZE = 50;

/** Kinds of data, in the words of the home. */
export const AREAS: readonly { area: string; title: string }[] = [
  { area: "vitals", title: "Readings" },
  { area: "medication", title: "Medicines" },
  { area: "appointments", title: "Visits" },
  { area: "nutrition", title: "Food and drinks" },
  { area: "activity", title: "Activity" },
  { area: "video", title: "Video calls" },
  { area: "devices", title: "Bluetooth devices" },
  { area: "sharing", title: "Who may see what" },
];

export interface AuditEntry {
  seq: number;
  /** All of it in plain words, with the time where the resident is. */
  words: string;
  /** The day there: `2031-01-31`. */
  date: string;
  zone: string;
  isRefused: boolean;
  /** What people call the device; `null` if it is none. */
  device: string | null;
  address: string | null;
}

/** Those who did something and are no device, as the hub knows them. */
export const OTHERS: readonly { id: string; title: string }[] = [
  { id: "operator", title: "Somebody at the hub itself" },
  { id: "unknown", title: "Somebody with a wrong key" },
];

/** What is shown: everything, or what one device did, or what was done in one area. Empty is all of them. */
export interface AuditChoice {
  device: string;
  area: string;
}

/** The newest first; the last page is shorter than the others. */
export const audit = (resident: number | null, { device, area }: AuditChoice) =>
  infiniteQueryOptions({
    queryKey: ["access", "audit", resident, device, area],
    queryFn: async ({ signal, pageParam }) => {
      const asked = new URLSearchParams({ limit: String(PAGE_SIZE) });
      if (resident !== null) asked.set("resident", String(resident));
      if (device) asked.set("device", device);
      if (area) asked.set("area", area);
      if (pageParam !== null) asked.set("before", String(pageParam));
      return readEntries(await get(`/api/v1/access/audit?${asked}`, signal));
    },
    initialPageParam: null as number | null,
    getNextPageParam: (page: AuditEntry[]) => (page.length < PAGE_SIZE ? null : (page.at(-1)?.seq ?? null)),
  });

export function readEntries(data: unknown): AuditEntry[] {
  return Array.isArray(data) ? data.map(readEntry) : [];
}

function readEntry(row: Record<string, unknown>): AuditEntry {
  return {
    seq: Number(row.seq),
    words: String(row.words),
    date: String(row.date),
    zone: String(row.zone),
    isRefused: row.what === "refused",
    device: typeof row.name === "string" ? row.name : null,
    address: typeof row.address === "string" ? row.address : null,
  };
}
