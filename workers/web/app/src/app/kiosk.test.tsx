// The tablet on the wall, as a person meets it.
import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeHub } from "../testing/FakeHub";

const ME = "/api/v1/access/me";
const UNLOCK = "POST /api/v1/access/unlock";
const INVITE = "POST /api/v1/access/invitations";
const NEEDS_PIN = {
  status: 403,
  body: { success: false, error: "Type the PIN first.", needs: "pin", pin: "set" },
};
const CODE = { code: "K7QP-3M9X", url: "http://hub.local/pair#K7QP-3M9X", valid_for_seconds: 300 };
const SELF = {
  device: "d1",
  name: "Tablet",
  role: "resident",
  resident: 1,
  kiosk: true,
  pin: "set",
  grants: [],
};

let hub: FakeHub;

beforeEach(() => {
  hub = new FakeHub();
  hub.answer(ME, granted(SELF));
  hub.answer("/api/v1/access/devices", granted([]));
  hub.answer(INVITE, NEEDS_PIN);
});

function granted(data: unknown, status = 200) {
  return { status, body: { success: true, data } };
}

describe("the tablet on the wall", () => {
  it("asks for the PIN, by keys or keyboard, and does then what was asked", async () => {
    const user = userEvent.setup();
    hub.renderPage("/setup");
    await user.click(await screen.findByRole("button", { name: "Make a code" }));
    expect(await screen.findByRole("dialog", { name: "Type the PIN" })).toBeDefined();
    hub.answer(UNLOCK, { status: 403, body: { success: false, error: "no", needs: "pin", pin: "set" } });
    for (const digit of ["9", "0", "5", "1"]) await user.click(screen.getByRole("button", { name: digit }));
    await user.click(screen.getByRole("button", { name: "OK" }));
    expect(await screen.findByText("This PIN is not right. Try again.")).toBeDefined();
    hub.answer(UNLOCK, {
      status: 429,
      body: { success: false, error: "no" },
      headers: { "retry-after": "60" },
    });
    await user.keyboard("90512");
    expect(screen.getByText("5 digits typed")).toBeDefined();
    await user.keyboard("{Backspace}");
    await user.click(screen.getByRole("button", { name: "OK" }));
    expect(await screen.findByText(/Too many wrong PINs. Wait 1 minute/)).toBeDefined();
    hub.answer(UNLOCK, granted({ unlocked_for_seconds: 300 }));
    hub.answer(INVITE, granted(CODE, 201));
    hub.answer(ME, granted({ ...SELF, unlocked_for_seconds: 300 }));
    await user.keyboard("2580");
    await user.click(screen.getByRole("button", { name: "OK" }));
    expect((await screen.findByTestId("invitation-code")).textContent).toBe("K7QP-3M9X");
    expect(await screen.findByText("Unlocked, 5 minutes left")).toBeDefined();
    hub.answer("POST /api/v1/access/lock", granted(null));
    hub.answer(ME, granted(SELF));
    await user.click(screen.getByRole("button", { name: "Lock now" }));
    await waitFor(() => expect(screen.queryByTestId("unlocked")).toBeNull());
    expect(hub.asked.filter((asked) => asked === INVITE)).toHaveLength(2);
  });

  it("says what the hub said when nobody types the PIN, and keeps what was typed", async () => {
    const user = userEvent.setup();
    hub.renderPage("/setup");
    await user.type(await screen.findByRole("textbox", { name: /Name of the device/ }), "Anna");
    await user.click(screen.getByRole("button", { name: "Make a code" }));
    await user.click(await screen.findByRole("button", { name: "Cancel" }));
    expect(await screen.findByText("Type the PIN first.")).toBeDefined();
    expect(screen.getByDisplayValue("Anna")).toBeDefined();
    expect(hub.asked.filter((asked) => asked === INVITE)).toHaveLength(1);
  });

  it("changes the PIN with the present one", async () => {
    const user = userEvent.setup();
    hub.answer("PUT /api/v1/access/pin", granted(null));
    hub.renderPage("/setup");
    await user.type(await screen.findByLabelText("Present PIN"), "2580");
    await user.type(screen.getByLabelText(/New PIN/), "73x91");
    await user.click(screen.getByRole("button", { name: "Change the PIN" }));
    expect(await screen.findByText("The PIN is set.")).toBeDefined();
    expect(hub.told).toEqual([{ pin: "7391", present: "2580" }]);
  });
});

describe("the tablet on the wall while there is no PIN", () => {
  const NEEDS_FIRST = { ...NEEDS_PIN, body: { ...NEEDS_PIN.body, pin: "unset" } };
  const EARLY = { ...SELF, pin: "unset", first_pin_within_seconds: 900 };
  const PIN = "PUT /api/v1/access/pin";

  it("has it chosen, twice the same, and does then what was asked", async () => {
    const user = userEvent.setup();
    hub.answer(ME, granted(EARLY));
    hub.answer(INVITE, NEEDS_FIRST);
    hub.answer(PIN, { status: 400, body: { success: false, error: "This PIN is among the first tried." } });
    hub.renderPage("/setup");
    await user.click(await screen.findByRole("button", { name: "Make a code" }));
    expect(await screen.findByRole("dialog", { name: "First, choose a PIN" })).toBeDefined();
    await user.keyboard("2580{Enter}");
    expect(screen.getByText("Now type the same once more.")).toBeDefined();
    await user.keyboard("2581{Enter}");
    expect(screen.getByText(/not the same/)).toBeDefined();
    expect(hub.told).not.toContainEqual({ pin: "2581" });
    await user.keyboard("1234{Enter}1234{Enter}");
    expect(await screen.findByText("This PIN is among the first tried.")).toBeDefined();
    hub.answer(PIN, granted(null));
    hub.answer("POST /api/v1/access/unlock", granted({ unlocked_for_seconds: 300 }));
    hub.answer(ME, granted({ ...SELF, unlocked_for_seconds: 300 }));
    hub.answer(INVITE, granted(CODE, 201));
    await user.keyboard("2580{Enter}2580{Enter}");
    expect((await screen.findByTestId("invitation-code")).textContent).toBe("K7QP-3M9X");
    expect(screen.queryByTestId("no-pin")).toBeNull();
  });

  it("offers it by itself as long as it may be chosen here", async () => {
    const user = userEvent.setup();
    hub.answer(ME, granted(EARLY));
    hub.renderPage();
    await user.click(await screen.findByRole("button", { name: "Choose a PIN" }));
    await user.click(await screen.findByRole("button", { name: "Not now" }));
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(screen.getByTestId("no-pin")).toBeDefined();
  });

  it("says where it is set when that may not be done here any more", async () => {
    const user = userEvent.setup();
    hub.answer(ME, granted({ ...SELF, pin: "unset", first_pin_within_seconds: null }));
    hub.answer(INVITE, NEEDS_FIRST);
    hub.renderPage("/setup");
    expect(await screen.findByText("betti-api pin --resident 1")).toBeDefined();
    expect(screen.queryByRole("button", { name: "Set the PIN" })).toBeNull();
    expect(screen.queryByTestId("no-pin")).toBeNull();
    await user.click(await screen.findByRole("button", { name: "Make a code" }));
    const dialog = await screen.findByRole("dialog", { name: "A PIN is needed first" });
    expect(dialog.textContent).toContain("betti-api pin --resident 1");
    await user.click(screen.getByRole("button", { name: "I understand" }));
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("comes as the second step of pairing, which may be left out", async () => {
    const user = userEvent.setup();
    hub.answer(ME, { status: 401, body: { success: false, error: "not known" } });
    hub.answer("POST /api/v1/access/pair", granted({ device: "d1", kiosk: true }, 201));
    hub.renderPage();
    await user.type(await screen.findByRole("textbox", { name: "Code" }), "k7qp 3m9x");
    hub.answer(ME, granted(EARLY));
    await user.click(screen.getByRole("button", { name: "Pair this device" }));
    expect(await screen.findByRole("heading", { name: "Now choose a PIN" })).toBeDefined();
    await user.click(screen.getByRole("button", { name: "Not now" }));
    expect(await screen.findByRole("article", { name: "Blood pressure" })).toBeDefined();
    expect(screen.getByTestId("no-pin")).toBeDefined();
  });
});

describe("another device", () => {
  it("invites the tablet on the wall", async () => {
    const user = userEvent.setup();
    hub.answer(ME, granted({ ...SELF, kiosk: false }));
    hub.answer(INVITE, granted(CODE, 201));
    hub.renderPage("/setup");
    const role = await screen.findByRole("combobox", { name: "Who is it for?" });
    await user.selectOptions(role, "The resident’s own screen");
    await user.click(screen.getByRole("checkbox", { name: /tablet on the wall/ }));
    await user.click(screen.getByRole("button", { name: "Make a code" }));
    await screen.findByTestId("invitation-code");
    expect(hub.told).toEqual([{ role: "resident", kiosk: true, resident: 1 }]);
  });
});
