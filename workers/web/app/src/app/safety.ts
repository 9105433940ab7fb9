/** What the gateway says of its certificate (`/health`). */
export interface Certificate {
  state: "none" | "good" | "ending" | "ended" | "not-yet" | "broken";
  daysLeft?: number;
  kept: boolean;
}

export type Concern =
  /** The browser gives this page neither camera nor installation, because it came unencrypted. */
  | { kind: "unencrypted" }
  /** Encryption stops working soon, or has. */
  | { kind: "ending"; daysLeft: number }
  | { kind: "ended" }
  /** Somebody put another certificate there, and it is no good. */
  | { kind: "unusable" };

/** What to tell people of how this page came to them, if anything. */
export function concern(isSecureContext: boolean, certificate: Certificate | null): Concern | null {
  switch (certificate?.state) {
    case "ended":
      return { kind: "ended" };
    case "ending":
      return { kind: "ending", daysLeft: Math.max(0, certificate.daysLeft ?? 0) };
    case "broken":
      return { kind: "unusable" };
  }
  if (certificate?.kept) return { kind: "unusable" };
  return isSecureContext ? null : { kind: "unencrypted" };
}

/** The certificate in an answer of `/health`; `null` in one of a gateway that says nothing of it. */
export function certificateIn(health: unknown): Certificate | null {
  if (typeof health !== "object" || health === null || !("certificate" in health)) return null;
  const certificate = health.certificate;
  const isOne = typeof certificate === "object" && certificate !== null && "state" in certificate;
  return isOne ? (certificate as Certificate) : null;
}
