import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useSyncExternalStore } from "react";
import { forget } from "../access/forget";
import { me } from "../access/queries";
import { VITALS_KEY } from "../vitals/queries";
import { coalesce } from "./coalesce";
import type { LiveConnection, LiveStatus } from "./connection";

const Connection = createContext<LiveConnection | null>(null);

/** Keeps the socket open while the page is, and asks the hub again whenever it has news. */
export function LiveProvider({ connection, children }: { connection: LiveConnection; children: ReactNode }) {
  const queries = useQueryClient();

  useEffect(() => {
    const refresh = coalesce(() => queries.invalidateQueries({ queryKey: VITALS_KEY }));
    const stopListening = [
      connection.onNews(refresh),
      connection.onRightsChanged(() => void forget(queries)),
      connection.onFailure(() => void queries.invalidateQueries({ queryKey: me.queryKey })),
    ];
    connection.start();
    return () => {
      for (const stop of stopListening) stop();
      connection.stop();
    };
  }, [connection, queries]);

  useEffect(() => nudgeOnWaking(connection), [connection]);

  return <Connection value={connection}>{children}</Connection>;
}

/** A browser's `online` is a hint only: a hub on the home's own network needs no Internet. */
function nudgeOnWaking(connection: LiveConnection): () => void {
  const nudge = () => connection.nudge();
  const nudgeIfVisible = () => document.visibilityState === "visible" && connection.nudge();
  window.addEventListener("online", nudge);
  document.addEventListener("visibilitychange", nudgeIfVisible);
  return () => {
    window.removeEventListener("online", nudge);
    document.removeEventListener("visibilitychange", nudgeIfVisible);
  };
}

export function useLiveStatus(): LiveStatus {
  const connection = useContext(Connection);
  if (!connection) throw new Error("useLiveStatus needs a LiveProvider around it");
  return useSyncExternalStore(
    (listener) => connection.onStatus(listener),
    () => connection.status,
  );
}
