// The page as a person meets it, in front of a hub that the test holds in its hand.
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { FakeHub } from "../testing/FakeHub";
import { recordedAt } from "../testing/recorded";

let hub: FakeHub;

beforeEach(() => {
  hub = new FakeHub();
});

function card(name: string): HTMLElement {
  return screen.getByRole("article", { name });
}

async function openPage(): Promise<void> {
  hub.renderPage();
  await screen.findByRole("article", { name: "Blood pressure" });
}

/** Lets timers fire and everything that follows from them happen. */
async function pass(ms: number): Promise<void> {
  await act(() => vi.advanceTimersByTimeAsync(ms));
}

/** The recorded list with one more blood pressure, just taken. */
function withBloodPressure(value: string) {
  const { latest } = recordedAt(Date.now());
  const { data } = latest.body as { data: { vitalType: string }[] };
  const changed = data.map((row) => (row.vitalType === "blood_pressure" ? { ...row, id: 900, value } : row));
  return { status: 200, body: { success: true, data: changed } };
}

describe("the first screen", () => {
  it("shows the recorded vitals with value, status, age and source", async () => {
    await openPage();
    expect(screen.getAllByRole("article").map((article) => article.getAttribute("aria-label"))).toEqual([
      "Blood pressure",
      "Heart rate",
      "Blood oxygen",
      "Temperature",
      "Weight",
      "Blood glucose",
    ]);
    const pressure = card("Blood pressure");
    expect(pressure.textContent).toContain("118/76 mmHg");
    expect(pressure.textContent).toContain("118 over 76 millimetres of mercury");
    expect(within(pressure).getByText("Normal")).toBeDefined();
    expect(within(pressure).getByText("just now")).toBeDefined();
    expect(within(pressure).getByText("Entered by hand")).toBeDefined();
    expect(within(card("Heart rate")).getByText("From a device")).toBeDefined();
    expect(within(card("Blood glucose")).getByText("Elevated")).toBeDefined();
  });

  it("computes ages itself: the hub's own words for them grow stale", async () => {
    await openPage();
    expect(within(card("Weight")).getByText("2 days ago")).toBeDefined();
    expect(within(card("Weight")).getByText("Not rated")).toBeDefined();
    expect(within(card("Blood glucose")).getByText("1 hour ago")).toBeDefined();
  });

  it("says that there are no readings yet, and shows no number", async () => {
    const { empty } = recordedAt(Date.now());
    hub.answer("/api/vitals/latest", empty);
    hub.renderPage();
    expect(await screen.findByRole("heading", { name: "No readings yet" })).toBeDefined();
    expect(screen.getByRole("main").textContent).not.toMatch(/\d/);
  });

  it("keeps an unreachable hub apart from an empty one", async () => {
    hub.disappear();
    hub.renderPage();
    expect(await screen.findByRole("heading", { name: "The hub can’t be reached" })).toBeDefined();
    expect(screen.queryByText("No readings yet")).toBeNull();
  });

  it("shows a new reading when the hub announces one", async () => {
    await openPage();
    hub.answer("/api/vitals/latest", withBloodPressure("131/84"));
    act(() =>
      hub.socket.say({ type: "vital-update", vitalType: "blood_pressure", vital: { valuePrimary: 131 } }),
    );
    await waitFor(() => expect(card("Blood pressure").textContent).toContain("131/84 mmHg"));
  });
});

describe("a loss of the hub", () => {
  it("is said, aged and overcome without a reload", async () => {
    vi.useFakeTimers({ now: Date.now(), shouldAdvanceTime: false });
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    hub.renderPage();
    await pass(0);
    const status = screen.getByRole("status");
    expect(status.textContent).toBe("Live");

    hub.disappear();
    expect(status.textContent).toBe("Reconnecting…");
    await pass(3_000);
    expect(status.textContent).toBe("Offline");
    expect(screen.getByTestId("outage").textContent).toContain("The hub can’t be reached");

    await pass(120_000);
    expect(screen.getByTestId("connection").textContent).toContain("as of 2 min ago");
    expect(screen.getByTestId("outage").textContent).toContain("may be old");
    expect(card("Blood pressure").textContent).toContain("118/76 mmHg");
    expect(within(card("Blood pressure")).getByText("2 min ago")).toBeDefined();

    hub.answer("/api/vitals/latest", withBloodPressure("127/80"));
    hub.reappear();
    await pass(8_000);
    await pass(0);
    expect(status.textContent).toBe("Live");
    expect(screen.queryByTestId("outage")).toBeNull();
    expect(card("Blood pressure").textContent).toContain("127/80 mmHg");
  });

  it("is not spoken of when the hub said that it restarts and is back in a second", async () => {
    vi.useFakeTimers({ now: Date.now(), shouldAdvanceTime: false });
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    hub.renderPage();
    await pass(0);
    const said: (string | null)[] = [];
    const status = screen.getByRole("status");
    const watch = new MutationObserver(() => said.push(status.textContent));
    watch.observe(status, { childList: true, characterData: true, subtree: true });
    hub.restart();
    await pass(1_000);
    expect(screen.queryByTestId("outage")).toBeNull();
    hub.answer("/api/vitals/latest", withBloodPressure("124/79"));
    hub.reappear();
    await pass(900);
    await pass(0);
    expect(said).toEqual([]);
    expect(status.textContent).toBe("Live");
    expect(card("Blood pressure").textContent).toContain("124/79 mmHg");
    watch.disconnect();
  });

  it("keeps the numbers and says so when the hub is there but cannot answer", async () => {
    vi.useFakeTimers({ now: Date.now() });
    hub.renderPage();
    await pass(0);
    hub.answer("/api/vitals/latest", { status: 500, body: { success: false, error: "disk full" } });
    act(() => hub.socket.say({ type: "vital-update" }));
    await pass(0);
    expect(screen.getByTestId("outage").textContent).toContain("could not be loaded");
    expect(card("Weight").textContent).toContain("171.4 lbs");
  });
});

describe("the history of a vital", () => {
  it("opens from its card, newest first, and gives the focus back on Esc", async () => {
    const user = userEvent.setup();
    await openPage();
    const button = screen.getByRole("button", { name: "History of weight" });
    await user.click(button);
    const dialog = await screen.findByRole("dialog", { name: "Weight" });
    const rows = await within(dialog).findAllByRole("listitem");
    expect(rows.map((row) => row.textContent?.match(/^[\d.]+/)?.[0])).toEqual(["152.5", "151", "150"]);
    expect(hub.asked).toContain("/api/vitals/history/weight?limit=30");

    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await waitFor(() => expect(document.activeElement).toBe(button));
  });

  it("says when it could not be loaded, and closes by its button", async () => {
    const user = userEvent.setup();
    await openPage();
    await user.click(screen.getByRole("button", { name: "History of heart rate" }));
    const dialog = await screen.findByRole("dialog", { name: "Heart rate" });
    expect(await within(dialog).findByText(/could not be loaded/)).toBeDefined();
    await user.click(within(dialog).getByRole("button", { name: "Close" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });
});
