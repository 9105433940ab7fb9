/** Line drawings on a grid of 24, in the colour of the text beside them. They never stand without words. */
const DRAWINGS = {
  house: [
    "M3.5 11.5 12 4l8.5 7.5",
    "M6 9.5V20h12V9.5",
    "M12 17l-2.6-2.6a1.7 1.7 0 0 1 2.6-2.2 1.7 1.7 0 0 1 2.6 2.2z",
  ],
  heart: [
    "M12 20 4.7 12.7a4.7 4.7 0 0 1 0-6.7 4.7 4.7 0 0 1 6.7 0l.6.6.6-.6a4.7 4.7 0 0 1 6.7 0 4.7 4.7 0 0 1 0 6.7z",
  ],
  gauge: ["M5.3 18.5a9 9 0 1 1 13.4 0", "m12 13.5 3.6-4.6", "M12 15a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3z"],
  pulse: [
    "M12 20 4.7 12.7a4.7 4.7 0 0 1 0-6.7 4.7 4.7 0 0 1 6.7 0l.6.6.6-.6a4.7 4.7 0 0 1 6.7 0 4.7 4.7 0 0 1 0 6.7z",
    "M7 11.5h2.6l1.5-2.7 2 4.7 1.4-2H17",
  ],
  bubbles: [
    "M9.5 15.5a6 6 0 1 0 0-12 6 6 0 0 0 0 12z",
    "M17.5 20.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
    "M9.5 6.5a3 3 0 0 0-3 3",
  ],
  thermometer: ["M9.8 13.6V5.2a2.2 2.2 0 0 1 4.4 0v8.4a4.4 4.4 0 1 1-4.4 0z", "M12 9.5v7.5"],
  scale: [
    "M7 4h10a3 3 0 0 1 3 3v10a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3V7a3 3 0 0 1 3-3z",
    "M7.8 9.8a6 6 0 0 1 8.4 0L14 13h-4z",
  ],
  drop: ["M12 3.5s6.3 6.7 6.3 10.9a6.3 6.3 0 0 1-12.6 0C5.7 10.2 12 3.5 12 3.5z", "M9 14.5a3 3 0 0 0 3 3"],
  wave: ["M3 12h4l3-7.5 4 15 3-7.5h4"],
  check: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z", "m8 12.3 2.8 2.8L16 9.5"],
  up: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z", "M12 16.5v-9", "m8.2 11 3.8-3.8 3.8 3.8"],
  down: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z", "M12 7.5v9", "m8.2 13 3.8 3.8 3.8-3.8"],
  warning: ["M12 3.6 21.6 20H2.4z", "M12 9.6v4.6", "M12 17.2v.1"],
  question: [
    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
    "M9.6 9.4a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.2 1-1.2 1.9",
    "M12 16.7v.1",
  ],
  clock: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z", "M12 7v5l3.3 2"],
  pencil: ["M4 20l1-4.2L16.2 4.6a1.8 1.8 0 0 1 2.6 0l.6.6a1.8 1.8 0 0 1 0 2.6L8.2 19z", "m14.5 6.5 3 3"],
  device: [
    "M8 3h8a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z",
    "M9 7h6v4H9z",
    "M12 16.9v.1",
  ],
  people: [
    "M9 11.5a3.7 3.7 0 1 0 0-7.4 3.7 3.7 0 0 0 0 7.4z",
    "M2.5 20c.4-3.6 3-5.7 6.5-5.7s6.1 2.1 6.5 5.7",
    "M15.5 4.6a3.7 3.7 0 0 1 0 6.5",
    "M18 15.2c2 .9 3.2 2.5 3.5 4.8",
  ],
  key: ["M8 20a5 5 0 1 0 0-10 5 5 0 0 0 0 10z", "m11.6 11.4 8.4-8.4", "m16 7 3.5 3.5"],
  chevron: ["m9 5 7 7-7 7"],
  close: ["m6 6 12 12", "M18 6 6 18"],
  retry: ["M20 12a8 8 0 1 1-2.4-5.7", "M20.5 3v4.5H16"],
  away: [
    "m4 4 16 16",
    "M5 12.6a10.5 10.5 0 0 1 4-2.4",
    "M19 12.6a10.6 10.6 0 0 0-5-2.7",
    "M8.5 16a5.5 5.5 0 0 1 6.2-.6",
    "M12 19.6v.1",
    "M2 9a15 15 0 0 1 4.3-2.6",
    "M22 9A15 15 0 0 0 11.6 5",
  ],
} as const;

export type IconName = keyof typeof DRAWINGS;

export function Icon({ name, className }: { name: IconName; className?: string | undefined }) {
  return (
    <svg
      className={className}
      viewBox="0 0 24 24"
      width="1.2em"
      height="1.2em"
      fill="none"
      stroke="currentColor"
      strokeWidth={2}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {DRAWINGS[name].map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );
}
