import type { Vital } from "../../api/vitals/vital";

/** A value as it is written on screen and as it is read aloud. */
export interface Reading {
  figure: string;
  unit: string | null;
  spoken: string;
}

const UNKNOWN = "–";

const SPOKEN_UNITS: Readonly<Record<string, string>> = {
  mmHg: "millimetres of mercury",
  bpm: "beats per minute",
  "%": "percent",
  "°F": "degrees Fahrenheit",
  "°C": "degrees Celsius",
  lbs: "pounds",
  kg: "kilograms",
  "mg/dL": "milligrams per decilitre",
  "mmol/L": "millimoles per litre",
};

/** What is not known is a dash, never a zero: a cuff that gave no lower figure shows "118/–". */
export function readingOf({ kind, value, unit }: Pick<Vital, "kind" | "value" | "unit">): Reading {
  if (value === null) return { figure: UNKNOWN, unit: null, spoken: "No value" };
  const spokenUnit = unit === null ? "" : ` ${SPOKEN_UNITS[unit] ?? unit}`;
  if (kind !== "blood_pressure") return { figure: value, unit, spoken: `${value}${spokenUnit}` };
  const [systolic, diastolic] = value.split("/").map(known);
  return {
    figure: `${systolic ?? UNKNOWN}/${diastolic ?? UNKNOWN}`,
    unit,
    spoken: `${systolic ?? "unknown"} over ${diastolic ?? "unknown"}${spokenUnit}`,
  };
}

/** No living person has a pressure of zero: a 0 here is a figure that somebody did not have. */
function known(figure: string): string | null {
  const trimmed = figure.trim();
  return Number(trimmed) > 0 ? trimmed : null;
}
