// The browser's other tabs show the same home: what ends for one ends for all.
import type { QueryClient } from "@tanstack/react-query";
import { forget, isShutOut } from "../api/access/forget";
import { me, STRANGER } from "../api/access/queries";

const CHANNEL = "betti-access";
const SHUT_OUT = "shut out";

/**
 * Tells the other tabs when the hub does not know this device any more, and hears them. Also a page that the browser kept
 * aside and shows again asks who it is before it shows anything. Returns what ends it.
 */
export function stayInStepWithOtherTabs(queries: QueryClient): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  let wasOut = isShutOut(queries);
  const stopWatching = queries.getQueryCache().subscribe(({ query }) => {
    if (query.queryKey.join() !== me.queryKey.join()) return;
    const isOut = query.state.data === STRANGER;
    if (isOut && !wasOut) channel.postMessage(SHUT_OUT);
    wasOut = isOut;
  });
  channel.onmessage = ({ data }) => {
    // It asks for itself: the other tab's word may be older than a new pairing.
    if (data === SHUT_OUT && !isShutOut(queries)) void forget(queries);
  };
  const shownAgain = ({ persisted }: PageTransitionEvent) => persisted && void forget(queries);
  window.addEventListener("pageshow", shownAgain);
  return () => {
    stopWatching();
    channel.close();
    window.removeEventListener("pageshow", shownAgain);
  };
}
