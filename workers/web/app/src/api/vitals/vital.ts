import { type Instant, readInstant } from "../../time/age";

/** One reading as the hub formats it for people. What the hub did not say is `null`, never zero. */
export interface Vital {
  id: string;
  /** `blood_pressure`, `heart_rate`, …; kinds that this page does not know yet are shown as well. */
  kind: string;
  /** The hub's own label, for kinds that this page does not know. */
  label: string | null;
  /** "72", or "118/76" for a blood pressure. */
  value: string | null;
  unit: string | null;
  /** "Normal", "Low", "Elevated", "High", "Fever", "Critical". */
  status: string | null;
  recordedAt: Instant | null;
  /** `manual`, or the device that measured. */
  source: string | null;
  notes: string | null;
}

/** Reads a list of formatted vitals off the wire. */
export function readVitals(data: unknown): Vital[] {
  if (!Array.isArray(data)) throw new TypeError("The hub did not answer with a list of readings");
  return data.map(readVital).filter((vital) => vital !== null);
}

// A row without a kind cannot be placed on the screen; one bad row must not hide the good ones.
function readVital(row: unknown): Vital | null {
  if (typeof row !== "object" || row === null) return null;
  const fields = row as Record<string, unknown>;
  const kind = text(fields.vitalType);
  if (kind === null) return null;
  return {
    id: text(fields.id) ?? `${kind} ${text(fields.recordedAt)}`,
    kind,
    label: text(fields.label),
    value: text(fields.value),
    unit: text(fields.unit),
    status: text(fields.status),
    recordedAt: readInstant(text(fields.recordedAt)),
    source: text(fields.source),
    notes: text(fields.notes),
  };
}

function text(value: unknown): string | null {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}
