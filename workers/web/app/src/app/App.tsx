import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import type { LiveConnection } from "../api/live/connection";
import { LiveProvider } from "../api/live/LiveProvider";
import { PairScreen } from "../screens/pair/PairScreen";
import { ErrorBoundary } from "./ErrorBoundary";
import { Gate } from "./Gate";
import { Shell } from "./Shell";
import { screenAt } from "./screens";

/** The address that an invitation leads to. It is for devices that are not known yet. */
const PAIR_PATH = "/pair";

interface Props {
  connection: LiveConnection;
  queries: QueryClient;
  path?: string;
  /** The one-time code that the address brought along. */
  code?: string;
}

export function App({ connection, queries, path = "/", code = "" }: Props) {
  const screen = screenAt(path);
  return (
    <ErrorBoundary>
      <QueryClientProvider client={queries}>
        {path === PAIR_PATH ? (
          <PairScreen code={code} onPaired={() => window.location.replace("/")} />
        ) : (
          <Gate>
            <LiveProvider connection={connection}>
              <Shell current={screen}>
                <screen.Content />
              </Shell>
            </LiveProvider>
          </Gate>
        )}
      </QueryClientProvider>
    </ErrorBoundary>
  );
}
