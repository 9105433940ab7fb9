// How the page came to whoever reads it: said in words where something does not work because of it, or soon will not.
import { screen, waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { FakeHub } from "../testing/FakeHub";

afterEach(() => vi.unstubAllGlobals());

it.each([
  [
    false,
    { state: "none" },
    "This connection is not encrypted",
    /cannot use the camera.*cannot be installed/,
  ],
  [
    true,
    { state: "ending", daysLeft: 9 },
    "The hub’s certificate ends soon",
    /good for 9 more days.*betti-ctl certs/,
  ],
  [true, { state: "ending", daysLeft: 1 }, "The hub’s certificate ends soon", /one more day/],
  [true, { state: "ended", daysLeft: -2 }, "The hub’s certificate has ended", /Browsers warn of this page/],
  [false, { state: "broken" }, "The hub’s certificate cannot be used", /betti-ctl status says why/],
])("encrypted: %s, certificate: %o", async (isSecure, certificate, title, words) => {
  const hub = new FakeHub();
  vi.stubGlobal("isSecureContext", isSecure);
  hub.answer("/health", { status: 200, body: { certificate: { kept: false, ...certificate } } });
  hub.renderPage();
  const notice = await screen.findByRole("region", { name: title });
  expect(notice.textContent).toMatch(words);
  expect(screen.getByRole("link", { name: "What to do" }).getAttribute("href")).toBe("/trust");
});

it("is not spoken of while all is well", async () => {
  const hub = new FakeHub();
  vi.stubGlobal("isSecureContext", true);
  hub.answer("/health", {
    status: 200,
    body: { certificate: { state: "good", daysLeft: 200, kept: false } },
  });
  hub.renderPage();
  await screen.findByRole("article", { name: "Blood pressure" });
  await waitFor(() => expect(hub.queries?.getQueryData(["gateway-health"])).toMatchObject({ daysLeft: 200 }));
  expect(screen.queryByTestId("safety")).toBeNull();
});
