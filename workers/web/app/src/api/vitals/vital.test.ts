import { describe, expect, it } from "vitest";
import { recordedAt } from "../../testing/recorded";
import { readVitals } from "./vital";

const NOW = Date.parse("2031-05-07T12:00:00Z");

function dataOf(answer: { body: unknown }): unknown {
  return (answer.body as { data: unknown }).data;
}

describe("readVitals", () => {
  it("reads the recorded list of latest vitals", () => {
    const vitals = readVitals(dataOf(recordedAt(NOW).latest));
    expect(vitals.map(({ kind, value, unit, status }) => [kind, value, unit, status])).toEqual([
      ["blood_pressure", "118/76", "mmHg", "Normal"],
      ["glucose", "110", "mg/dL", "Elevated"],
      ["heart_rate", "72", "bpm", "Normal"],
      ["spo2", "97", "%", "Normal"],
      ["temperature", "98.6", "°F", "Normal"],
      ["weight", "171.4", "lbs", "Normal"],
    ]);
    expect(vitals[2]).toMatchObject({
      source: "ble_device",
      notes: "after breakfast",
      recordedAt: NOW - 5 * 60_000,
    });
    expect(new Set(vitals.map(({ id }) => id)).size).toBe(6);
  });

  it("keeps what is missing as unknown and never makes it zero", () => {
    expect(readVitals([{ id: 1, vitalType: "weight", value: "", status: null }])).toEqual([
      {
        id: "1",
        kind: "weight",
        label: null,
        value: null,
        unit: null,
        status: null,
        recordedAt: null,
        source: null,
        notes: null,
      },
    ]);
  });

  it("shows the good rows when one is broken", () => {
    const rows = [null, "x", { id: 2 }, { id: 3, vitalType: "weight", value: 0 }];
    expect(readVitals(rows)).toMatchObject([{ id: "3", value: "0" }]);
  });

  it("refuses what is no list", () => {
    expect(() => readVitals({ vitals: [] })).toThrow(TypeError);
  });
});
