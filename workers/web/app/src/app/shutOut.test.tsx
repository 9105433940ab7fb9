// What happens to what is on screen when this device may not see it any more.
import { act, screen, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeHub } from "../testing/FakeHub";

const REFUSED = { status: 401, body: { success: false, error: "not known" } };
const ME = "/api/v1/access/me";
const LATEST = "/api/vitals/latest";
const NOT_PAIRED = { name: "This device is not paired yet" };
const RIGHTS_CHANGED = "This device's rights changed: connect again";

let hub: FakeHub;

beforeEach(async () => {
  hub = new FakeHub();
  hub.renderPage();
  await screen.findByRole("article", { name: "Blood pressure" });
});

/** What the page has of the resident. */
function known(): unknown[] {
  const queries = hub.queries?.getQueryCache().getAll() ?? [];
  return queries
    .filter(({ queryKey }) => queryKey.join() !== "access,me")
    .flatMap(({ state }) => state.data ?? []);
}

describe("a device that was removed", () => {
  it("shows nothing and knows nothing as soon as the hub ends the live stream", async () => {
    hub.answer(ME, REFUSED);
    act(() => hub.socket.drop(1008, RIGHTS_CHANGED));
    await waitFor(() => expect(screen.queryAllByRole("article")).toEqual([]));
    expect(await screen.findByRole("heading", NOT_PAIRED)).toBeDefined();
    expect(known()).toEqual([]);
  });

  it("is found out also if it slept while it was removed", async () => {
    hub.answer(ME, REFUSED);
    hub.disappear();
    hub.answer(LATEST, { status: 502, body: {} });
    // The next try is refused, which a browser does not tell from a hub that is away.
    hub.refuseSockets();
    hub.reappear();
    expect(await screen.findByRole("heading", NOT_PAIRED)).toBeDefined();
    expect(known()).toEqual([]);
  });

  it("is found out by any answer, and what is on its way is dropped too", async () => {
    hub.answer(LATEST, REFUSED);
    act(() => hub.socket.say({ type: "vital-update" }));
    expect(await screen.findByRole("heading", NOT_PAIRED)).toBeDefined();
    expect(known()).toEqual([]);
  });

  it("is shut out in its other tabs too, each of which asks for itself", async () => {
    hub.answer(ME, REFUSED);
    const tab = new BroadcastChannel("betti-access");
    tab.postMessage("shut out");
    expect(await screen.findByRole("heading", NOT_PAIRED)).toBeDefined();
    expect(known()).toEqual([]);
    tab.close();
  });

  it("tells its other tabs, once", async () => {
    const heard: unknown[] = [];
    const tab = new BroadcastChannel("betti-access");
    tab.onmessage = ({ data }) => heard.push(data);
    hub.answer(LATEST, REFUSED);
    act(() => hub.socket.say({ type: "vital-update" }));
    await waitFor(() => expect(heard).toEqual(["shut out"]));
    tab.close();
  });
});

describe("a device that may see something else than before", () => {
  it("drops what it knew, and shows what it may see now", async () => {
    hub.answer(LATEST, { status: 403, body: { success: false, error: "Your role does not reach." } });
    act(() => hub.socket.drop(1008, RIGHTS_CHANGED));
    await waitFor(() => expect(screen.queryAllByRole("article")).toEqual([]));
    expect(await screen.findByText("Readings are not shared with this device")).toBeDefined();
    await waitFor(() => expect(hub.sockets.length).toBe(2));
    expect(screen.queryByRole("heading", NOT_PAIRED)).toBeNull();
    expect(screen.queryAllByRole("article")).toEqual([]);
  });

  it("is not the one that was only too slow, or whose hub went away", async () => {
    act(() => hub.socket.drop(1008, "too slow: connect again"));
    expect(screen.getByRole("article", { name: "Blood pressure" })).toBeDefined();
    hub.disappear();
    await waitFor(() => expect(screen.getByRole("article", { name: "Blood pressure" })).toBeDefined());
  });

  it("asks who it is before a page that was kept aside is shown again", async () => {
    hub.answer(ME, REFUSED);
    act(() => {
      window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    });
    expect(await screen.findByRole("heading", NOT_PAIRED)).toBeDefined();
  });
});
