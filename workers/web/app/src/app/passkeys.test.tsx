// Coming back in without a code, as a person meets it. What a real browser does is tried in a real one.
import { cleanup, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { FakeHub } from "../testing/FakeHub";

const ME = "/api/v1/access/me";
const PASSKEYS = "/api/v1/access/passkeys";
const HERE = `${PASSKEYS}/here`;
const BEGIN = `POST ${PASSKEYS}/begin`;
const FINISH = `POST ${PASSKEYS}/finish`;
const SIGN_IN_BEGIN = `POST ${PASSKEYS}/sign-in/begin`;
const SIGN_IN_FINISH = `POST ${PASSKEYS}/sign-in/finish`;
const NOT_PAIRED = { name: "This device is not paired yet" };
const SIGN_IN = { name: "Sign in with a passkey" };
const MAKE = { name: "Make a passkey" };
const POSSIBLE = granted({ possible: true, why: null, at: null });
const STRANGER = refused(401, "not known");

let hub: FakeHub;

beforeEach(() => {
  hub = new FakeHub();
  hub.answer(HERE, POSSIBLE);
  hub.answer(PASSKEYS, granted([]));
  hub.answer("/api/v1/access/devices", granted([]));
  hub.answer(SIGN_IN_BEGIN, granted({ ceremony: "c1", options: { challenge: "AQ" } }));
  hub.answer(BEGIN, granted({ ceremony: "c2", options: { challenge: "AQ", rp: { id: "localhost" } } }));
});

function granted(data: unknown, status = 200) {
  return { status, body: { success: true, data } };
}

function refused(status: number, error: string, headers = {}) {
  return { status, body: { success: false, error }, headers };
}

/** A browser that knows passkeys, and does that when it is asked for one. */
function browserThat({ get, create }: { get?: () => unknown; create?: () => unknown }) {
  const known = {
    get: vi.fn(async (_: CredentialRequestOptions) => get?.()),
    create: vi.fn(async () => create?.()),
    signalUnknownCredential: vi.fn(),
  };
  const asIs = (options: unknown) => options;
  const PublicKeyCredential = Object.assign(() => undefined, {
    parseCreationOptionsFromJSON: asIs,
    parseRequestOptionsFromJSON: asIs,
    signalUnknownCredential: known.signalUnknownCredential,
  });
  vi.stubGlobal("PublicKeyCredential", PublicKeyCredential);
  Object.defineProperty(window.navigator, "credentials", { value: known, configurable: true });
  onTestFinished(() => void Reflect.deleteProperty(window.navigator, "credentials"));
  return known;
}

const answer = { toJSON: () => ({ id: "AQ" }) };
const cancelled = () => {
  throw new DOMException("not for people", "NotAllowedError");
};

describe("a device that is not known", () => {
  beforeEach(() => hub.answer(ME, STRANGER));

  it("comes in by a passkey as it does by a code", async () => {
    const user = userEvent.setup();
    browserThat({ get: () => answer });
    hub.answer(SIGN_IN_FINISH, granted({ device: "d2" }, 201));
    hub.renderPage();
    const button = await screen.findByRole("button", SIGN_IN);
    hub.answer(ME, granted({ device: "d2", resident: 1 }));
    await user.click(button);
    expect(await screen.findByRole("article", { name: "Blood pressure" })).toBeDefined();
    expect(hub.told).toEqual([{}, { ceremony: "c1", credential: { id: "AQ" } }]);
  });

  it.each([
    ["it was cancelled", cancelled, STRANGER, /was cancelled/],
    ["the hub does not know the passkey", () => answer, STRANGER, /does not know this passkey/],
    [
      "it was tried too often",
      () => answer,
      refused(429, "x", { "retry-after": "60" }),
      /Too many tries. Wait 1 minute/,
    ],
  ])("is told that %s, and may still type a code", async (_, get, answered, words) => {
    const user = userEvent.setup();
    browserThat({ get });
    hub.answer(SIGN_IN_FINISH, answered);
    hub.renderPage();
    await user.click(await screen.findByRole("button", SIGN_IN));
    expect(await screen.findByText(words)).toBeDefined();
    expect(screen.getByRole("heading", NOT_PAIRED)).toBeDefined();
    expect(screen.getByRole("textbox", { name: "Code" })).toBeDefined();
    expect(screen.getByRole("button", SIGN_IN)).toBeDefined();
  });

  it("is asked for no passkey any more when it came in by a code meanwhile", async () => {
    const user = userEvent.setup();
    const { get } = browserThat({ get: () => new Promise(() => undefined) });
    hub.answer("POST /api/v1/access/pair", granted({ device: "d1" }, 201));
    hub.renderPage();
    await user.click(await screen.findByRole("button", SIGN_IN));
    await screen.findByRole("button", { name: "Waiting for your passkey…" });
    await waitFor(() => expect(get).toHaveBeenCalledOnce());
    await user.type(screen.getByRole("textbox", { name: "Code" }), "k7qp3m9x");
    hub.answer(ME, granted({ device: "d1", resident: 1 }));
    await user.click(screen.getByRole("button", { name: "Pair this device" }));
    await screen.findByRole("article", { name: "Blood pressure" });
    expect(get.mock.calls[0]?.[0].signal?.aborted).toBe(true);
  });

  it("is offered none by a browser that knows none, and is not puzzled by why", async () => {
    hub.renderPage();
    await screen.findByRole("heading", NOT_PAIRED);
    expect(screen.queryByText(/passkey/i)).toBeNull();
  });

  it("is offered none where the hub says that it is not possible, and told where it is, if it is anywhere", async () => {
    browserThat({});
    hub.answer(HERE, granted({ possible: false, why: "Passkeys need a name.", at: null }));
    hub.renderPage();
    await screen.findByRole("heading", NOT_PAIRED);
    expect(screen.queryByText(/passkey/i)).toBeNull();
    cleanup();
    const at = "https://betti.example.org";
    hub.answer(HERE, granted({ possible: false, why: "Elsewhere.", at }));
    hub.renderPage("/pair");
    expect((await screen.findByRole("link", { name: at })).getAttribute("href")).toBe(at);
    expect(screen.queryByRole("button", SIGN_IN)).toBeNull();
  });
});

describe("passkeys in Setup", () => {
  const rows = [
    {
      id: "p1",
      device: "d2",
      device_name: "Kitchen",
      is_own: false,
      host: "betti.example.org",
      made_at: "2020-01-02T12:00:00Z",
      last_used_at: null,
    },
    {
      id: "p2",
      device: "d1",
      device_name: "Phone",
      is_own: true,
      host: "localhost",
      made_at: new Date().toISOString(),
      last_used_at: new Date().toISOString(),
    },
  ];

  it("are listed with when they were made and used, and removed once that was confirmed", async () => {
    const user = userEvent.setup();
    browserThat({});
    hub.answer(PASSKEYS, granted(rows));
    hub.answer(`DELETE ${PASSKEYS}/p1`, granted(null));
    hub.renderPage("/setup");
    const list = await screen.findByRole("list", { name: "Passkeys" });
    const items = within(list)
      .getAllByRole("listitem")
      .map((item) => item.textContent);
    expect(items[0]).toMatch(/^Phone \(this device\)Made today · Last used just now/);
    expect(items[1]).toMatch(/^KitchenMade on .*2020 · Not used yetFor betti.example.org/);
    await user.click(screen.getByRole("button", { name: /^Remove the passkey of Kitchen/ }));
    expect(hub.asked.join()).not.toContain("DELETE");
    hub.answer(PASSKEYS, granted(rows.slice(1)));
    await user.click(screen.getByRole("button", { name: "Remove" }));
    expect(await screen.findByText(/The passkey is removed/)).toBeDefined();
    await waitFor(() => expect(within(list).getAllByRole("listitem")).toHaveLength(1));
    expect(hub.asked).toContain(`DELETE ${PASSKEYS}/p1`);
  });

  it("are made here, and shown at once", async () => {
    const user = userEvent.setup();
    browserThat({ create: () => answer });
    hub.answer(FINISH, granted({ id: "p2" }, 201));
    hub.renderPage("/setup");
    const button = await screen.findByRole("button", MAKE);
    hub.answer(PASSKEYS, granted(rows.slice(1)));
    await user.click(button);
    expect(await screen.findByText(/The passkey is made/)).toBeDefined();
    expect(await screen.findByRole("list", { name: "Passkeys" })).toBeDefined();
    expect(hub.told).toEqual([{}, { ceremony: "c2", credential: { id: "AQ" } }]);
  });

  it("are none when that is cancelled, and forgotten by the browser when the hub takes them not", async () => {
    const user = userEvent.setup();
    const { create, signalUnknownCredential } = browserThat({ create: cancelled });
    hub.renderPage("/setup");
    await user.click(await screen.findByRole("button", MAKE));
    expect(await screen.findByText(/No passkey was made. It was cancelled/)).toBeDefined();
    expect(hub.asked).not.toContain(FINISH);
    create.mockResolvedValue({ toJSON: () => ({ id: "AQ" }) });
    hub.answer(FINISH, refused(400, "No passkey was made: too late"));
    await user.click(screen.getByRole("button", MAKE));
    expect(await screen.findByText("No passkey was made: too late")).toBeDefined();
    expect(signalUnknownCredential).toHaveBeenCalledWith({ rpId: "localhost", credentialId: "AQ" });
  });

  it.each([
    ["on the tablet on the wall", { kiosk: true }, POSSIBLE, /None is made on the tablet on the wall/],
    [
      "at an address that is no name",
      {},
      granted({ possible: false, why: "Passkeys need a name.", at: null }),
      /^Passkeys need a name\.$/,
    ],
    [
      "at another address",
      {},
      granted({ possible: false, why: "x", at: "https://b.example.org" }),
      /To make one, open/,
    ],
  ])("are not made %s, which is said once", async (_, more, here, words) => {
    browserThat({});
    hub.answer(ME, granted({ device: "d1", resident: 1, ...more }));
    hub.answer(HERE, here);
    hub.renderPage("/setup");
    expect(await screen.findAllByText(words)).toHaveLength(1);
    expect(screen.queryByRole("button", MAKE)).toBeNull();
  });

  it("are not made by a browser that knows none", async () => {
    hub.renderPage("/setup");
    expect(await screen.findByText(/This browser knows no passkeys/)).toBeDefined();
  });

  it("are spoken of before their device is removed", async () => {
    const user = userEvent.setup();
    const device = {
      id: "d2",
      name: "Kitchen",
      role: "resident",
      resident: 1,
      is_hub: false,
      revoked_at: null,
    };
    hub.answer("/api/v1/access/devices", granted([device, { ...device, id: "d3", name: "Hall" }]));
    hub.answer(PASSKEYS, granted(rows));
    hub.renderPage("/setup");
    await screen.findByRole("list", { name: "Passkeys" });
    await user.click(await screen.findByRole("button", { name: "Remove Kitchen" }));
    expect(screen.getByText(/shut out at once, and its passkeys open nothing/)).toBeDefined();
    await user.click(screen.getByRole("button", { name: "Keep" }));
    await user.click(screen.getByRole("button", { name: "Remove Hall" }));
    expect(screen.getByText("Remove Hall? It is shut out at once.")).toBeDefined();
  });
});
