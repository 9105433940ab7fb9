import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import type { LiveConnection } from "../api/live/connection";
import { LiveProvider } from "../api/live/LiveProvider";
import { ErrorBoundary } from "./ErrorBoundary";
import { Shell } from "./Shell";
import { screens } from "./screens";

export function App({ connection, queries }: { connection: LiveConnection; queries: QueryClient }) {
  const [screen] = screens;
  return (
    <ErrorBoundary>
      <QueryClientProvider client={queries}>
        <LiveProvider connection={connection}>
          <Shell current={screen}>
            <screen.Content />
          </Shell>
        </LiveProvider>
      </QueryClientProvider>
    </ErrorBoundary>
  );
}
