import { queryOptions } from "@tanstack/react-query";
import { get, isNotShared } from "../request";
import { readVitals } from "./vital";

/** Everything under this key is asked for again when the hub says that a vital changed. */
export const VITALS_KEY = ["vitals"] as const;

const HISTORY_LIMIT = 30;

/** The socket tells what is new; this is the net under it, for readings that the hub does not announce. */
const REFRESH_MS = 30_000;
const RETRY_MS = 5_000;

/** Who may not see readings is told by the socket when that changes: asking all the time would be a refusal each time. */
function againIn(error: unknown, whenWell: number | false): number | false {
  if (isNotShared(error)) return false;
  return error ? RETRY_MS : whenWell;
}

/** The newest reading of each kind. */
export const latestVitals = queryOptions({
  queryKey: [...VITALS_KEY, "latest"],
  queryFn: async ({ signal }) => readVitals(await get("/api/vitals/latest", signal)),
  refetchInterval: ({ state }) => againIn(state.error, REFRESH_MS),
});

/** Every reading of the resident's today, newest first. */
export const todaysVitals = queryOptions({
  queryKey: [...VITALS_KEY, "today"],
  queryFn: async ({ signal }) => readVitals(await get("/api/vitals/today", signal)),
  refetchInterval: ({ state }) => againIn(state.error, REFRESH_MS),
});

/** The last readings of one kind, newest first. */
export const vitalHistory = (kind: string) =>
  queryOptions({
    queryKey: [...VITALS_KEY, "history", kind],
    queryFn: async ({ signal }) =>
      readVitals(await get(`/api/vitals/history/${encodeURIComponent(kind)}?limit=${HISTORY_LIMIT}`, signal)),
    refetchInterval: ({ state }) => againIn(state.error, false),
  });
