// Answers that a Betti hub gave, with the recorder's marks for what differs from run to run filled in.
import empty from "./recorded/empty.json";
import historyOfWeight from "./recorded/history-weight.json";
import latest from "./recorded/latest.json";
import unknownKind from "./recorded/unknown-kind.json";

const MINUTES: Readonly<Record<string, number>> = { m: 1, h: 60 };
const MINUTE_MS = 60_000;

export interface RecordedAnswer {
  path: string;
  status: number;
  body: unknown;
}

/** The recorded answers as they would be at `now`. */
export function recordedAt(now: number) {
  return {
    empty: fill(empty, now),
    historyOfWeight: fill(historyOfWeight, now),
    latest: fill(latest, now),
    unknownKind: fill(unknownKind, now),
  };
}

function fill(answer: RecordedAnswer, now: number): RecordedAnswer {
  let id = 100;
  const text = JSON.stringify(answer)
    .replaceAll("<iso8601>", isoText(now))
    .replaceAll(/\{\{now-(\d+)([mh])\}\}/g, (_, amount, unit) =>
      isoText(now - Number(amount) * (MINUTES[unit] ?? 0) * MINUTE_MS),
    )
    .replaceAll(/"(<int>|\{\{vital\d\}\})"/g, () => String(id++));
  return JSON.parse(text);
}

function isoText(at: number): string {
  return new Date(at).toISOString();
}
