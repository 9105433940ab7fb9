// Who looked at what, as the resident reads it.
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { PAGE_SIZE } from "../api/access/audit";
import { byDay } from "../screens/looks/days";
import { FakeHub } from "../testing/FakeHub";

const AUDIT = "/api/v1/access/audit";
const LOOKS = "/setup/looks";

let hub: FakeHub;

beforeEach(() => {
  hub = new FakeHub();
});

function granted(data: unknown) {
  return { status: 200, body: { success: true, data } };
}

function entry(seq: number, words: string, more = {}) {
  const wire = {
    what: "read",
    zone: "UTC",
    date: "2026-03-01",
    name: "Anna’s phone",
    address: "192.168.1.7",
  };
  return { seq, words, ...wire, ...more };
}

describe("who looked at what", () => {
  it("is told by day, with refused tries in words, and device and place only on asking", async () => {
    const refused = entry(2, "A tablet was not let in to readings at 9:00", { what: "refused" });
    const old = entry(1, "The nurse looked at medicines at 8:00", { date: "2026-02-28" });
    hub.answer(AUDIT, granted([refused, old]));
    hub.renderPage(LOOKS);
    const days = await screen.findAllByRole("heading", { level: 2 });
    expect(days.map(({ textContent }) => textContent)).toHaveLength(2);
    const entries = screen.getAllByText(/at \d:00/).map((words) => words.closest("li"));
    expect(entries[0]?.textContent).toContain("Not let in");
    expect(entries[1]?.textContent).not.toContain("Not let in");
    const details = within(entries[0] as HTMLElement).getByText("From: 192.168.1.7");
    expect(details.closest("details")?.open).toBe(false);
    expect(screen.getByRole("link", { name: "Setup" }).getAttribute("aria-current")).toBe("true");
  });

  it("shows what somebody called a device as text, whatever they called it", async () => {
    const name = '"><img src=x onerror="document.title=1"><script>document.title=1</script>{{1}}';
    const phone = { id: "d9", name, role: "carer", resident: 1, is_hub: false };
    hub.answer("/api/v1/access/devices", granted([phone]));
    hub.answer(AUDIT, granted([entry(1, `${name} looked at readings at 9:00`, { name, address: name })]));
    hub.renderPage(LOOKS);
    expect(await screen.findByText(`${name} looked at readings at 9:00`)).toBeDefined();
    expect(await screen.findByRole("option", { name })).toBeDefined();
    expect(document.querySelectorAll("img[src=x], script")).toHaveLength(0);
    expect(document.title).not.toBe("1");
  });

  it("goes on page by page, and is narrowed to a device and an area", async () => {
    const user = userEvent.setup();
    const page = Array.from({ length: PAGE_SIZE }, (_, index) => entry(100 - index, `Entry ${100 - index}`));
    const phone = { id: "d9", name: "Anna’s phone", role: "carer", resident: 1, is_hub: false };
    hub.answer("/api/v1/access/devices", granted([phone]));
    hub.answer(AUDIT, granted(page));
    hub.renderPage(LOOKS);
    const more = await screen.findByRole("button", { name: "Show more" });
    hub.answer(AUDIT, granted([entry(50, "The very first")]));
    await user.click(more);
    expect(await screen.findByText("The very first")).toBeDefined();
    expect(screen.getByText("Entry 100")).toBeDefined();
    expect(hub.asked.filter((path) => path.startsWith(AUDIT)).at(-1)).toContain("before=51");
    expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
    hub.answer(AUDIT, granted([]));
    await user.selectOptions(screen.getByRole("combobox", { name: "By whom" }), "Anna’s phone");
    await user.selectOptions(screen.getByRole("combobox", { name: "About what" }), "Medicines");
    expect(await screen.findByText(/fits what you chose/)).toBeDefined();
    const asked = new URLSearchParams(hub.asked.at(-1)?.split("?")[1]);
    expect(Object.fromEntries(asked)).toMatchObject({ device: "d9", area: "medication", resident: "1" });
  });

  it("is narrowed to removed devices and wrong keys as well", async () => {
    const user = userEvent.setup();
    const device = { id: "d9", name: "Anna’s phone", role: "carer", resident: 1, is_hub: false };
    const lost = { ...device, id: "d8", name: "Lost phone", revoked_at: "2026-01-01T00:00:00Z" };
    hub.answer("/api/v1/access/devices", granted([device, lost]));
    hub.answer(AUDIT, granted([]));
    hub.renderPage(LOOKS);
    const removed = await screen.findByRole("group", { name: "Removed devices" });
    expect(within(removed).getByRole("option").textContent).toBe("Lost phone");
    const whom = screen.getByRole("combobox", { name: "By whom" });
    for (const [title, id] of [
      ["Lost phone", "d8"],
      ["Somebody with a wrong key", "unknown"],
      ["Somebody at the hub itself", "operator"],
    ] as const) {
      await user.selectOptions(whom, title);
      await waitFor(() => expect(hub.asked.at(-1)).toContain(`device=${id}`));
    }
  });

  it("is about each resident that somebody speaks for", async () => {
    const user = userEvent.setup();
    const grants = [1, 2].map((resident) => ({ resident, area: "sharing", level: "write" }));
    const self = { device: "d1", name: "Phone", role: "carer", resident: 1, pin: "unset", grants };
    hub.answer("/api/v1/access/me", granted(self));
    hub.answer("/api/v1/residents", granted([{ subject: 2, name: "Bertha" }]));
    hub.answer(AUDIT, granted([]));
    hub.renderPage(LOOKS);
    await screen.findByRole("option", { name: "Bertha" });
    await user.selectOptions(screen.getByRole("combobox", { name: "About whom" }), "Bertha");
    await waitFor(() => expect(hub.asked.at(-1)).toContain("resident=2"));
  });

  it("says so where there is nothing, where it is for others, and where the hub is away", async () => {
    const user = userEvent.setup();
    hub.answer(AUDIT, { status: 502, body: {} });
    hub.renderPage(LOOKS);
    expect((await screen.findByRole("alert")).textContent).toContain("can’t be reached");
    hub.answer(AUDIT, { status: 403, body: { success: false, error: "no" } });
    await user.click(screen.getByRole("button", { name: "Try again" }));
    await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("Only the resident"));
    hub.answer(AUDIT, granted([]));
    hub.renderPage(LOOKS);
    expect(await screen.findByText("Nobody has looked at or changed anything yet.")).toBeDefined();
  });

  it("has the resident's days and not the reader's", () => {
    const wire = { seq: 1, words: "", isRefused: false, device: null, address: null };
    const now = Date.parse("2026-03-01T23:30:00Z");
    const there = { ...wire, zone: "Pacific/Auckland" };
    const days = byDay(
      [
        { ...there, date: "2026-03-02" },
        { ...there, date: "2026-03-01" },
      ],
      now,
    );
    expect(days.map(({ title }) => title)).toEqual(["Today", "Yesterday"]);
    expect(byDay([{ ...wire, date: "2026-03-01", zone: "Nowhere/At-All" }], now)[0]?.title).toBe(
      "2026-03-01",
    );
  });
});

describe("something that may be in wrong hands", () => {
  it("ends all others' access, once that was confirmed", async () => {
    const user = userEvent.setup();
    hub.answer("/api/v1/access/devices", granted([]));
    hub.answer("DELETE /api/v1/access/devices", granted({ removed: 3 }));
    hub.renderPage("/setup");
    await user.click(await screen.findByRole("button", { name: /Take away all other/ }));
    expect(screen.getByText(/Each needs a new code to come back/)).toBeDefined();
    expect(hub.asked.join()).not.toContain("DELETE");
    await user.click(screen.getByRole("button", { name: "Take away all others" }));
    expect(await screen.findByText("3 other devices are shut out.")).toBeDefined();
    expect(hub.asked).toContain("DELETE /api/v1/access/devices?resident=1");
  });
});
