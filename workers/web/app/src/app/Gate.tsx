import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { me, STRANGER } from "../api/access/queries";
import { NotPairedScreen } from "../screens/pair/NotPairedScreen";

/**
 * Shows the page to devices that the hub knows, and how to become one to all others: nothing behind it is mounted, so
 * nothing asks the hub in vain. A hub that cannot be reached has not refused anybody.
 */
export function Gate({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const { data, isPending } = useQuery(me);
  if (isPending) return null;
  if (data === STRANGER) return <NotPairedScreen onPaired={() => void queries.resetQueries()} />;
  return children;
}
