// Entries by the day on which they were where the resident is, whatever clock the reader's device has.
import type { AuditEntry } from "../../api/access/audit";
import type { Instant } from "../../time/age";
import { dateOfText, dayText } from "../../time/calendar";

export interface DayOfEntries {
  title: string;
  entries: AuditEntry[];
}

/** The newest day first, as they come. */
export function byDay(entries: readonly AuditEntry[], now: Instant): DayOfEntries[] {
  const days = new Map<string, AuditEntry[]>();
  for (const entry of entries) days.set(entry.date, [...(days.get(entry.date) ?? []), entry]);
  return [...days].map(([date, ofDay]) => ({
    title: titleOf(date, ofDay[0]?.zone ?? "", now),
    entries: ofDay,
  }));
}

function titleOf(date: string, zone: string, now: Instant): string {
  const day = dateOfText(date);
  const today = dateOfText(dateIn(zone, now));
  return day === null || today === null ? date : dayText(day, today);
}

/** Which date it is in a zone: `2031-01-31`; empty in one that this browser does not know. */
function dateIn(zone: string, now: Instant): string {
  try {
    // Swedes write dates as the wire does.
    return new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(now);
  } catch {
    return "";
  }
}
