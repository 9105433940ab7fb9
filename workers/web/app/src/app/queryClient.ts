import { QueryCache, QueryClient } from "@tanstack/react-query";
import { UnreachableError } from "../api/request";

/** The hub is in the home: a browser that finds itself without Internet must go on asking it. */
export function createQueryClient(onUnreachable: () => void): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({
      onError: (error) => error instanceof UnreachableError && onUnreachable(),
    }),
    defaultOptions: {
      queries: {
        networkMode: "always",
        // Trying again is the business of the live connection and of the refresh intervals, which know when.
        retry: false,
      },
    },
  });
}
