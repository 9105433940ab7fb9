import { expect, it } from "vitest";
import { readVitals } from "../../api/vitals/vital";
import { recordedAt } from "../../testing/recorded";
import { inOrder, kindOf } from "./vitalKinds";

const recorded = readVitals((recordedAt(0).latest.body as { data: unknown }).data);

it("shows the same kind at the same place, whatever the order of the wire", () => {
  const names = (vitals: typeof recorded) => inOrder(vitals).map((vital) => kindOf(vital).name);
  const order = ["Blood pressure", "Heart rate", "Blood oxygen", "Temperature", "Weight", "Blood glucose"];
  expect(names(recorded)).toEqual(order);
  expect(names(recorded.toReversed())).toEqual(order);
});

it("shows kinds that it does not know, by the hub's label, at the end", () => {
  const unknown = {
    ...recorded[0],
    kind: "respiratory_rate",
    label: "RESPIRATORY RATE",
  } as (typeof recorded)[0];
  expect(kindOf(unknown).name).toBe("Respiratory rate");
  expect(kindOf({ kind: "end_tidal_co2", label: null }).name).toBe("End tidal co2");
  expect(inOrder([unknown, ...recorded]).at(-1)).toBe(unknown);
});
