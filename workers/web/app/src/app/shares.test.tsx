// What a device may see, as the resident gives and withdraws it.
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import { FakeHub } from "../testing/FakeHub";

const ANNA = { id: "d9", name: "Anna’s phone", role: "carer", resident: 1, is_hub: false };
const NURSE = { ...ANNA, id: "d8", name: "Nurse", role: "clinician" };
const REPORT = "/api/v1/access/report";
const SELF = { device: "d1", name: "Tablet", role: "resident", resident: 1, pin: "unset", grants: [] };

let hub: FakeHub;

beforeEach(() => {
  hub = new FakeHub();
  hub.answer("/api/v1/access/me", granted(SELF));
  hub.answer("/api/v1/access/devices", granted([ANNA, NURSE]));
  report({ vitals: null, medication: "2031-01-01T00:00:00Z" });
});

function granted(data: unknown) {
  return { status: 200, body: { success: true, data } };
}

/** Areas, with when each was withdrawn. */
function report(areas: Record<string, string | null>) {
  const grants = Object.entries(areas).map(([area, withdrawn_at]) => ({
    area,
    level: "write",
    withdrawn_at,
  }));
  hub.answer(
    REPORT,
    granted([
      { device: ANNA, grants },
      { device: NURSE, grants: [] },
    ]),
  );
}

async function anna() {
  return within(await screen.findByRole("list", { name: "What it may see and enter: Anna’s phone" }));
}

it("shows what is shared, and withdraws and gives it with what its role had at first", async () => {
  const user = userEvent.setup();
  hub.answer("DELETE /api/v1/access/grants/d9/vitals", granted(null));
  hub.answer("PUT /api/v1/access/grants/d9/medication", granted(null));
  hub.renderPage("/setup");
  const areas = await anna();
  const [readings, medicines] = ["Readings", "Medicines"].map((name) =>
    areas.getByRole<HTMLInputElement>("checkbox", { name }),
  );
  if (!readings || !medicines) throw new Error("no areas");
  expect([readings.checked, medicines.checked]).toEqual([true, false]);
  report({ medication: "2031-01-01T00:00:00Z" });
  await user.click(readings);
  expect(await screen.findByText("Readings: not shared any more.")).toBeDefined();
  report({ medication: null });
  await user.click(medicines);
  expect(await screen.findByText("Medicines: shared again.")).toBeDefined();
  expect([readings.checked, medicines.checked]).toEqual([false, true]);
  expect(hub.told).toEqual([{ level: "write" }]);
});

it("offers nothing that the role cannot have, and says what was refused", async () => {
  const user = userEvent.setup();
  hub.answer("DELETE /api/v1/access/grants/d9/vitals", {
    status: 403,
    body: { success: false, error: "Only the resident." },
  });
  hub.renderPage("/setup");
  const nurse = within(await screen.findByRole("list", { name: "What it may see: Nurse" }));
  expect(nurse.queryByRole("checkbox", { name: "Who may see what" })).toBeNull();
  const areas = await anna();
  await user.click(areas.getByRole("checkbox", { name: "Readings" }));
  expect(await screen.findByText("This device may not do that. Only the resident.")).toBeDefined();
  expect(areas.getByRole<HTMLInputElement>("checkbox", { name: "Readings" }).checked).toBe(true);
});

it("is for the resident and who speaks for them", async () => {
  hub.answer("/api/v1/access/me", granted({ ...SELF, role: "carer", pin: undefined }));
  hub.renderPage("/setup");
  await screen.findByText("Anna’s phone");
  expect(screen.queryByText("What it may see")).toBeNull();
  expect(hub.asked).not.toContain(REPORT);
});
