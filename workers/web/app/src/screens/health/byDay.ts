import type { Vital } from "../../api/vitals/vital";
import type { Instant } from "../../time/age";
import { dayText } from "../../time/calendar";

export interface Day {
  day: string;
  vitals: Vital[];
}

/** Cuts a list, newest first, into days; readings whose time nobody knows stand together under a title that says so. */
export function byDay(vitals: readonly Vital[], now: Instant): Day[] {
  const days = new Map<string, Vital[]>();
  for (const vital of vitals) {
    const day = vital.recordedAt === null ? "Day unknown" : dayText(vital.recordedAt, now);
    days.set(day, [...(days.get(day) ?? []), vital]);
  }
  return [...days].map(([day, ofDay]) => ({ day, vitals: ofDay }));
}
