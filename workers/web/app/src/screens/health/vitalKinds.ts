import type { Vital } from "../../api/vitals/vital";
import type { IconName } from "../../ui/Icon";

interface VitalKind {
  name: string;
  icon: IconName;
}

/** The kinds that this page knows, in the order in which they are shown. */
const KINDS: Readonly<Record<string, VitalKind>> = {
  blood_pressure: { name: "Blood pressure", icon: "gauge" },
  heart_rate: { name: "Heart rate", icon: "pulse" },
  spo2: { name: "Blood oxygen", icon: "bubbles" },
  temperature: { name: "Temperature", icon: "thermometer" },
  weight: { name: "Weight", icon: "scale" },
  glucose: { name: "Blood glucose", icon: "drop" },
};

const ORDER = Object.keys(KINDS);

/** Name and picture of a vital; one that this page does not know yet goes by the hub's label. */
export function kindOf({ kind, label }: Pick<Vital, "kind" | "label">): VitalKind {
  return KINDS[kind] ?? { name: sentence(label ?? kind), icon: "wave" };
}

/** Always the same place on the screen for the same kind; unknown ones at the end, as the hub sorted them. */
export function inOrder(vitals: readonly Vital[]): Vital[] {
  return vitals.toSorted((a, b) => place(a.kind) - place(b.kind));
}

function place(kind: string): number {
  const index = ORDER.indexOf(kind);
  return index === -1 ? ORDER.length : index;
}

/** "RESPIRATORY_RATE" as people write it: "Respiratory rate". */
function sentence(words: string): string {
  const lower = words.replaceAll("_", " ").toLowerCase();
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}
