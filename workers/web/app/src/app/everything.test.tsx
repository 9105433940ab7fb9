// A copy of everything, and how it is erased: for the resident and who speaks for them.
import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeHub } from "../testing/FakeHub";

const ME = "/api/v1/access/me";
const SELF = { device: "d1", name: "Phone", role: "resident", resident: 1, kiosk: false, grants: [] };
const HEADING = { name: "Everything that is kept" };

let hub: FakeHub;

beforeEach(() => {
  hub = new FakeHub();
  hub.answer("/api/v1/access/devices", granted([]));
});

function granted(data: unknown) {
  return { status: 200, body: { success: true, data } };
}

describe("everything that is kept", () => {
  it("is a plain link for the resident, which the browser follows itself, with how it is erased", async () => {
    const user = userEvent.setup();
    hub.answer(ME, granted({ ...SELF, pin: "unset" }));
    hub.renderPage("/setup");
    const link = await screen.findByRole<HTMLAnchorElement>("link", { name: "Download everything" });
    expect(link.getAttribute("href")).toBe("/api/v1/access/export?resident=1");
    expect(link.hasAttribute("download")).toBe(true);
    link.addEventListener("click", (event) => event.preventDefault()); // There are no downloads here.
    await user.click(link);
    expect(screen.getByText(/saving the file now/)).toBeDefined();
    expect(screen.getByText("betti-api erase --resident 1")).toBeDefined();
  });

  it("is offered for each resident that somebody speaks for, by name, and to nobody else", async () => {
    const may = (resident: number, level: string) => ({ resident, area: "sharing", level });
    hub.answer(
      "/api/v1/residents",
      granted([
        { subject: 1, name: null },
        { subject: 2, name: "Bertha" },
      ]),
    );
    hub.answer(
      ME,
      granted({ ...SELF, role: "carer", pin: "set", grants: [may(1, "write"), may(2, "write")] }),
    );
    hub.renderPage("/setup");
    const links = await screen.findAllByRole("link", { name: /Download everything about/ });
    expect(links.map(({ textContent }) => textContent)).toEqual([
      "Download everything about Resident 1",
      "Download everything about Resident 2",
    ]);
    const bertha = await screen.findByRole("link", { name: "Download everything about Bertha" });
    expect(bertha.getAttribute("href")).toBe("/api/v1/access/export?resident=2");
  });

  it("is not there for whoever only sees what is shared", async () => {
    hub.answer(
      ME,
      granted({ ...SELF, role: "carer", grants: [{ resident: 1, area: "sharing", level: "read" }] }),
    );
    hub.renderPage("/setup");
    await screen.findByRole("heading", { name: "Invite" });
    expect(screen.queryByRole("heading", HEADING)).toBeNull();
  });

  it("needs the PIN on the tablet on the wall", async () => {
    const user = userEvent.setup();
    hub.answer(ME, granted({ ...SELF, kiosk: true, pin: "set" }));
    hub.renderPage("/setup");
    await user.click(await screen.findByRole("button", { name: "Type the PIN to download" }));
    expect(screen.queryByRole("link", { name: /Download/, hidden: true })).toBeNull();
    hub.answer("POST /api/v1/access/unlock", granted({ unlocked_for_seconds: 300 }));
    hub.answer(ME, granted({ ...SELF, kiosk: true, pin: "set", unlocked_for_seconds: 300 }));
    await user.keyboard("2580{Enter}");
    expect(await screen.findByRole("link", { name: "Download everything" })).toBeDefined();
  });
});
