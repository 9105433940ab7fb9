// Who is let in, as a person meets it.
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeHub } from "../testing/FakeHub";

const REFUSED = { status: 401, body: { success: false, error: "not known" } };
const ME = "/api/v1/access/me";
/** About the address, and about nobody. */
const PASSKEYS_HERE = "/api/v1/access/passkeys/here";
const NOT_PAIRED = { name: "This device is not paired yet" };

let hub: FakeHub;

beforeEach(() => {
  hub = new FakeHub();
});

function granted(data: unknown, status = 200) {
  return { status, body: { success: true, data } };
}

describe("a device that is not known", () => {
  it("sees how to get a code, and asks for nothing else", async () => {
    hub.answer(ME, REFUSED);
    hub.renderPage();
    expect(await screen.findByRole("heading", NOT_PAIRED)).toBeDefined();
    expect(screen.getByText("betti-api pair --role resident")).toBeDefined();
    expect(screen.queryByRole("status")).toBeNull();
    expect(hub.asked).toEqual([ME, PASSKEYS_HERE]);
    expect(hub.sockets).toHaveLength(0);
  });

  it("comes in with a code, typed as people type", async () => {
    const user = userEvent.setup();
    const known = granted({ device: "d1", resident: 1 });
    hub.answer(ME, REFUSED);
    hub.answer("POST /api/v1/access/pair", granted({ device: "d1" }, 201));
    hub.renderPage();
    await user.type(await screen.findByRole("textbox", { name: "Code" }), "k7qp 3m9x");
    const name = screen.getByRole("textbox", { name: "Name of this device" });
    await user.clear(name);
    await user.type(name, "Tablet by the bed");
    hub.answer(ME, known);
    await user.click(screen.getByRole("button", { name: "Pair this device" }));
    expect(await screen.findByRole("article", { name: "Blood pressure" })).toBeDefined();
    expect(hub.told).toEqual([{ code: "K7QP-3M9X", name: "Tablet by the bed" }]);
  });

  it("is shut out wherever the hub says so first, and the live stream ends", async () => {
    hub.renderPage();
    await screen.findByRole("article", { name: "Blood pressure" });
    hub.answer("/api/vitals/latest", REFUSED);
    act(() => hub.socket.say({ type: "vital-update" }));
    expect(await screen.findByRole("heading", NOT_PAIRED)).toBeDefined();
    expect(screen.queryByRole("article")).toBeNull();
    expect(hub.socket.isClosedByPage).toBe(true);
  });
});

describe("the page that an invitation leads to", () => {
  it("has the code filled in, and says what is wrong with it", async () => {
    const user = userEvent.setup();
    hub.renderPage("/pair", "K7QP-3M9X");
    const code = screen.getByRole<HTMLInputElement>("textbox", { name: "Code" });
    expect(code.value).toBe("K7QP-3M9X");
    hub.answer("POST /api/v1/access/pair", REFUSED);
    await user.click(screen.getByRole("button", { name: "Pair this device" }));
    await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("This code is not valid"));
    expect(document.activeElement).toBe(code);
    hub.answer("POST /api/v1/access/pair", { ...REFUSED, status: 429, headers: { "retry-after": "60" } });
    await user.click(screen.getByRole("button", { name: "Pair this device" }));
    await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("Wait 1 minute"));
  });

  it("does not bother the hub with half a code", async () => {
    const user = userEvent.setup();
    hub.renderPage("/pair");
    await user.type(screen.getByRole("textbox", { name: "Code" }), "k7{Enter}");
    expect(screen.getByRole("alert").textContent).toContain("not complete");
    expect(hub.asked).toEqual([PASSKEYS_HERE]);
  });
});

describe("who has access", () => {
  const devices = [
    {
      id: "d1",
      name: "Phone",
      role: "carer",
      resident: 1,
      is_hub: false,
      last_used_at: null,
      revoked_at: null,
    },
    {
      id: "d2",
      name: "Kitchen",
      role: "resident",
      resident: 1,
      is_hub: false,
      last_used_at: null,
      revoked_at: null,
    },
    { id: "d3", name: "Old", role: "carer", resident: 1, is_hub: false, revoked_at: "2026-01-01T00:00:00Z" },
    { id: "d4", name: "Workers", role: "service", resident: 1, is_hub: true, revoked_at: null },
  ];

  it("is listed, and a device is removed once that was confirmed", async () => {
    const user = userEvent.setup();
    hub.answer("/api/v1/access/devices", granted(devices));
    hub.answer("DELETE /api/v1/access/devices/d2", granted(null));
    hub.renderPage("/setup");
    const list = await screen.findByRole("list", { name: "Devices" });
    const names = within(list).getAllByRole("listitem");
    expect(names).toHaveLength(2);
    expect(names[0]?.textContent).toContain("Phone (this device)");
    await user.click(screen.getByRole("button", { name: "Remove Kitchen" }));
    expect(hub.asked.join()).not.toContain("DELETE");
    hub.answer("/api/v1/access/devices", granted(devices.slice(0, 1)));
    await user.click(screen.getByRole("button", { name: "Remove" }));
    await waitFor(() => expect(within(list).getAllByRole("listitem")).toHaveLength(1));
    expect(hub.asked).toContain("DELETE /api/v1/access/devices/d2");
  });

  it("says in place that this device may not see it", async () => {
    hub.answer("/api/v1/access/devices", {
      status: 403,
      body: { success: false, error: "Your role does not reach." },
    });
    hub.renderPage("/setup");
    expect(await screen.findByText(/This device may not do that/)).toBeDefined();
    expect(screen.queryByRole("heading", NOT_PAIRED)).toBeNull();
  });

  it("grows by an invitation, shown as code, link and picture", async () => {
    const user = userEvent.setup();
    const url = "http://hub.local/pair#K7QP-3M9X";
    hub.answer("/api/v1/access/devices", granted(devices));
    hub.answer(
      "POST /api/v1/access/invitations",
      granted({ code: "K7QP-3M9X", url, note: "It opens here only.", valid_for_seconds: 300 }, 201),
    );
    hub.renderPage("/setup");
    await user.selectOptions(
      await screen.findByRole("combobox", { name: "Who is it for?" }),
      "Doctor or nurse",
    );
    await user.click(screen.getByRole("button", { name: "Make a code" }));
    expect((await screen.findByTestId("invitation-code")).textContent).toBe("K7QP-3M9X");
    expect(screen.getByRole("link", { name: url }).getAttribute("href")).toBe(url);
    expect(screen.getByRole("img", { name: "QR code of the link" })).toBeDefined();
    expect(screen.getByText("It opens here only.")).toBeDefined();
    expect(hub.told).toEqual([{ role: "clinician", resident: 1 }]);
  });

  it("ends for this device when it leaves", async () => {
    const user = userEvent.setup();
    hub.answer("/api/v1/access/devices", granted(devices));
    hub.answer(`DELETE ${ME}`, granted(null));
    hub.renderPage("/setup");
    await user.click(await screen.findByRole("button", { name: "Leave with this device" }));
    await user.click(screen.getByRole("button", { name: "Leave" }));
    expect(await screen.findByRole("heading", NOT_PAIRED)).toBeDefined();
  });
});
