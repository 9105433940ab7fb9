import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { shutOut } from "../api/access/forget";
import { STRANGER } from "../api/access/queries";
import { isStranger, UnreachableError } from "../api/request";

/** The hub is in the home: a browser that finds itself without Internet must go on asking it. */
export function createQueryClient(onUnreachable: () => void): QueryClient {
  const failed = (error: Error) => {
    if (error instanceof UnreachableError) onUnreachable();
    // Whatever was asked: the whole page is not for a device that the hub does not know.
    if (isStranger(error)) shutOut(client);
  };
  const learned = (data: unknown) => {
    if (data === STRANGER) shutOut(client);
  };
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: failed, onSuccess: learned }),
    mutationCache: new MutationCache({ onError: failed }),
    defaultOptions: {
      queries: {
        networkMode: "always",
        // Trying again is the business of the live connection and of the refresh intervals, which know when.
        retry: false,
      },
      mutations: { networkMode: "always", retry: false },
    },
  });
  return client;
}
