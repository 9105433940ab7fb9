// Who lives here, as far as this device may know.
import { queryOptions } from "@tanstack/react-query";
import { get } from "../request";

export interface Resident {
  resident: number;
  name: string;
}

export const residents = queryOptions({
  queryKey: ["access", "residents"],
  queryFn: async ({ signal }) => readResidents(await get("/api/v1/residents", signal)),
});

/** What people call a resident: by number where nobody gave them a name, or the hub did not say. */
export function residentName(list: readonly Resident[] | undefined, resident: number): string {
  return list?.find((known) => known.resident === resident)?.name || `Resident ${resident}`;
}

function readResidents(data: unknown): Resident[] {
  if (!Array.isArray(data)) return [];
  return data.map((row) => ({
    resident: Number(row.subject),
    name: typeof row.name === "string" ? row.name : "",
  }));
}
