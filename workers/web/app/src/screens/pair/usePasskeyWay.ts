import { useQuery } from "@tanstack/react-query";
import { knowsPasskeys } from "../../api/access/passkeys/browser";
import { passkeysHere } from "../../api/access/passkeys/queries";

export type PasskeyWay =
  /** The hub has not said yet. */
  | "unknown"
  /** Somebody can sign in with one. */
  | "here"
  | "none"
  /** They work at another address of the hub. */
  | { at: string };

/** Whether somebody who is not let in yet can use a passkey. Why not is said only where it leads somewhere. */
export function usePasskeyWay(): PasskeyWay {
  const { data: here, isPending } = useQuery(passkeysHere);
  if (isPending) return "unknown";
  if (here?.isPossible && knowsPasskeys()) return "here";
  return here?.at ? { at: here.at } : "none";
}
