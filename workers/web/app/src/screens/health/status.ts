import type { Vital } from "../../api/vitals/vital";
import { CLOCK_SKEW_MS, type Instant } from "../../time/age";
import type { IconName } from "../../ui/Icon";

export type Tone = "good" | "notice" | "alert" | "critical" | "neutral";

export interface StatusLook {
  words: string;
  tone: Tone;
  icon: IconName;
}

/** After a day, a status says how it was and no longer how it is. */
export const SPEAKS_OF_NOW_MS = 24 * 60 * 60 * 1000;

const NOT_RATED: StatusLook = { words: "Not rated", tone: "neutral", icon: "question" };

const LOOKS: Readonly<Record<string, Omit<StatusLook, "words">>> = {
  normal: { tone: "good", icon: "check" },
  low: { tone: "notice", icon: "down" },
  elevated: { tone: "notice", icon: "up" },
  high: { tone: "alert", icon: "up" },
  fever: { tone: "alert", icon: "thermometer" },
  critical: { tone: "critical", icon: "warning" },
};

/**
 * How the hub's word for a reading is shown: word, picture and colour together, never the colour alone. A word that
 * this page does not know is shown as it is; no word is "Not rated", which is something else than "Normal".
 */
export function statusLook(status: string | null): StatusLook {
  if (status === null) return NOT_RATED;
  const look = LOOKS[status.toLowerCase()] ?? { tone: "neutral", icon: "question" };
  return { words: status, ...look };
}

/**
 * The hub's word, where it says something. "Normal" says nothing about a weight, which is heavy or light only for somebody,
 * nor about a blood pressure of which one figure is missing.
 */
export function ratedStatus({
  kind,
  value,
  status,
}: Pick<Vital, "kind" | "value" | "status">): string | null {
  if (status?.toLowerCase() !== "normal") return status;
  const isWhole = kind !== "blood_pressure" || /^\s*[1-9]\d*\s*\/\s*[1-9]\d*\s*$/.test(value ?? "");
  return kind !== "weight" && isWhole ? status : null;
}

/** The same where the reading stands for the present: an old one says "Was normal", and in grey. */
export function presentStatusLook(
  status: string | null,
  recordedAt: Instant | null,
  now: Instant,
): StatusLook {
  const look = statusLook(status);
  if (status === null || speaksOfNow(recordedAt, now)) return look;
  return { words: `Was ${status.toLowerCase()}`, tone: "neutral", icon: look.icon };
}

function speaksOfNow(recordedAt: Instant | null, now: Instant): boolean {
  if (recordedAt === null) return false;
  const age = now - recordedAt;
  return age >= -CLOCK_SKEW_MS && age < SPEAKS_OF_NOW_MS;
}
