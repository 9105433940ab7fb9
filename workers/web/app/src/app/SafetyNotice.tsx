import { useQuery } from "@tanstack/react-query";
import { Notice } from "../ui/Notice";
import { type Concern, certificateIn, concern } from "./safety";

/** A certificate is good for months: it is enough to notice within the hour. */
const ASK_EVERY_MS = 60 * 60 * 1000;

const health = {
  queryKey: ["gateway-health"],
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const answer = await fetch("/health", { signal, headers: { accept: "application/json" } });
    return certificateIn(await answer.json());
  },
  refetchInterval: ASK_EVERY_MS,
  staleTime: ASK_EVERY_MS,
  retry: false,
};

/** Says what does not work because of how this page came here, and what can be done. */
export function SafetyNotice() {
  const { data, isPending } = useQuery(health);
  if (isPending) return null;
  const found = concern(window.isSecureContext, data ?? null);
  if (found === null) return null;
  return (
    <Notice title={title(found)} icon="warning" tone="warning" testId="safety">
      {explanation(found)} <a href="/trust">What to do</a>
    </Notice>
  );
}

function title(found: Concern): string {
  switch (found.kind) {
    case "unencrypted":
      return "This connection is not encrypted";
    case "ending":
      return "The hub’s certificate ends soon";
    case "ended":
      return "The hub’s certificate has ended";
    case "unusable":
      return "The hub’s certificate cannot be used";
  }
}

function explanation(found: Concern): string {
  switch (found.kind) {
    case "unencrypted":
      return "Video calls cannot use the camera, and Betti cannot be installed or opened while the hub is away.";
    case "ending":
      return `It is good for ${days(found.daysLeft)}. Then browsers warn of this page. Run betti-ctl certs on the hub.`;
    case "ended":
      return "Browsers warn of this page until somebody runs betti-ctl certs on the hub.";
    case "unusable":
      return "What was put there last is no good. On the hub, betti-ctl status says why.";
  }
}

function days(count: number): string {
  if (count === 0) return "today only";
  return count === 1 ? "one more day" : `${count} more days`;
}
