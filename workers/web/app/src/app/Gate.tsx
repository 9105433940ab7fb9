import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { shutOut } from "../api/access/forget";
import { me, STRANGER } from "../api/access/queries";
import { NotPairedScreen } from "../screens/pair/NotPairedScreen";

/**
 * Shows the page to devices that the hub knows, and how to become one to all others: nothing behind it is mounted, so
 * nothing asks the hub in vain. A hub that cannot be reached has not refused anybody.
 */
export function Gate({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const { data, isPending, errorUpdateCount } = useQuery(me);
  const isOut = data === STRANGER;
  // Once nothing is mounted that could ask again: what was on its way when the hub said so is dropped as well.
  useEffect(() => {
    if (isOut) shutOut(queries);
  }, [isOut, queries]);
  // While nobody answers it is asked again and again, and each time it is as if it never had been: what is shown stays.
  if (isPending && errorUpdateCount === 0) return null;
  if (isOut) return <NotPairedScreen onPaired={() => void queries.resetQueries()} />;
  return children;
}
