// What this page knows of the resident, dropped when it may not know it any more.
import type { QueryClient } from "@tanstack/react-query";
import { passkeysHere } from "./passkeys/queries";
import { me, STRANGER } from "./queries";

/** Drops all that was loaded and whatever is on its way, asks the hub anew who this device is, and then for what is on screen. */
export async function forget(queries: QueryClient): Promise<void> {
  drop(queries);
  await queries.resetQueries({ queryKey: me.queryKey });
  if (!isShutOut(queries))
    await queries.refetchQueries({ type: "active", predicate: ({ queryKey }) => !isMe(queryKey) });
}

/** The hub does not know this device: the screen is the pairing page's from now on. */
export function shutOut(queries: QueryClient): void {
  drop(queries);
  // Also an answer that arrives at this very moment has no place to stay.
  queries.removeQueries({ predicate: ({ queryKey }) => !isAboutNobody(queryKey) });
  void queries.cancelQueries({ queryKey: me.queryKey });
  queries.setQueryData(me.queryKey, STRANGER);
}

export function isShutOut(queries: QueryClient): boolean {
  return queries.getQueryData(me.queryKey) === STRANGER;
}

function drop(queries: QueryClient): void {
  const cache = queries.getQueryCache();
  for (const query of cache.getAll()) {
    if (isAboutNobody(query.queryKey)) continue;
    // What is on screen looks at it still, and is told that it is gone.
    query.reset();
    if (query.getObserversCount() === 0) cache.remove(query);
  }
  queries.getMutationCache().clear();
}

function isMe(queryKey: readonly unknown[]): boolean {
  return isSame(queryKey, me.queryKey);
}

/** What is about nobody stays: the pairing page looks at it while everything else goes. */
function isAboutNobody(queryKey: readonly unknown[]): boolean {
  return isMe(queryKey) || isSame(queryKey, passkeysHere.queryKey);
}

function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((part, at) => part === other[at]);
}
