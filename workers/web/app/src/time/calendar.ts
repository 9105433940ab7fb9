import type { Instant } from "./age";

// The page speaks English, so its dates do too, in the reader's own variety of it where there is one (12 or 24 hours).
const locale = navigator.languages?.find((language) => /^en\b/i.test(language)) ?? "en-GB";

const time = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
const dayOfThisYear = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const dayOfAnyYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });

/** "2:05 PM" or "14:05", as the reader's device writes it. */
export function timeText(at: Instant): string {
  return time.format(at);
}

/** "Sunday 23 November": today, written out. */
export function dateText(at: Instant): string {
  return dayOfThisYear.format(at);
}

/** "Today", "Yesterday", "Saturday 1 March", "1 March 2025". */
export function dayText(at: Instant, now: Instant): string {
  const date = new Date(at);
  const today = new Date(now);
  if (isSameDay(date, today)) return "Today";
  if (isSameDay(date, dayBefore(today))) return "Yesterday";
  return date.getFullYear() === today.getFullYear() ? dayOfThisYear.format(at) : dayOfAnyYear.format(at);
}

/** Noon of a date as the wire writes it, on this device's own calendar, for what says days in words; `null` if it is none. */
export function dateOfText(text: string): Instant | null {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  return day === undefined ? null : new Date(Number(year), Number(month) - 1, Number(day), 12).getTime();
}

function isSameDay(a: Date, b: Date): boolean {
  return a.toDateString() === b.toDateString();
}

/** By the calendar and not by 24 hours: a day of daylight saving has 23 or 25. */
function dayBefore(day: Date): Date {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() - 1);
}
