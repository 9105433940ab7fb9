// Devices and invitations as they are on the wire, turned into types where they arrive.
import { type Instant, readInstant } from "../../time/age";

export type InvitedRole = "resident" | "carer" | "clinician" | "device";

/** Who may be invited, in the words of the home. */
export const ROLES: readonly { role: InvitedRole; title: string; may: string }[] = [
  { role: "carer", title: "Family or carer", may: "sees and enters what is about the resident" },
  { role: "resident", title: "The resident’s own screen", may: "sees everything and decides who has access" },
  { role: "clinician", title: "Doctor or nurse", may: "reads most of it" },
  { role: "device", title: "Sensor or program", may: "brings readings" },
];

export interface Device {
  id: string;
  name: string;
  role: string;
  resident: number;
  isHub: boolean;
  /** Whether it is let in no more. */
  isRemoved: boolean;
  lastUsedAt: Instant | null;
}

export interface Invitation {
  code: string;
  url: string;
  /** What the hub has to say of the link, such as that it works nowhere else. */
  note: string | null;
  /** Both by this page's clock, which may differ from the hub's. */
  madeAt: Instant;
  expiresAt: Instant;
}

export function roleTitle(role: string): string {
  if (role === "service") return "Program of the hub";
  return ROLES.find((known) => known.role === role)?.title ?? role;
}

/** Every device that was ever let in. */
export function readDevices(data: unknown): Device[] {
  return Array.isArray(data) ? data.map(readDevice) : [];
}

function readDevice(row: Record<string, unknown>): Device {
  return {
    id: String(row.id),
    name: String(row.name),
    role: String(row.role),
    resident: Number(row.resident),
    isHub: row.is_hub === true,
    isRemoved: row.revoked_at != null,
    lastUsedAt: readInstant(typeof row.last_used_at === "string" ? row.last_used_at : null),
  };
}

export function readInvitation(data: unknown, now: Instant): Invitation {
  const { code, url, note, valid_for_seconds } = data as Record<string, unknown>;
  return {
    code: String(code),
    url: String(url),
    note: typeof note === "string" ? note : null,
    madeAt: now,
    expiresAt: now + Number(valid_for_seconds) * 1_000,
  };
}
