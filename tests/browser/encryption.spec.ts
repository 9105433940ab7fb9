/** A certificate comes while a page is open: it is encrypted from then on, and is told in time when the certificate ends. */
import { expect } from "@playwright/test";
import { expectAccessible } from "./accessibility.js";
import { layouts, pairByCode, pairByCodeAt } from "./people.js";
import { test } from "./platform.js";

/** The hub's own certificates are good for a year. */
const almostAYear = 358;

test.use({ ignoreHTTPSErrors: true });

test("who is open when a certificate comes is encrypted from then on, and told that it ends soon", async ({
  page,
  platform,
}, info) => {
  await page.setViewportSize(layouts.phone);
  await platform.ctl("start");
  const notice = page.getByTestId("safety");
  await pairByCode(page, platform, "On the hub", "--role", "resident");
  await expect(page.getByText(/no readings yet/i)).toBeVisible();
  await expect(notice, "this machine itself lacks nothing").toHaveCount(0);
  await pairByCodeAt(platform.networkOrigin, page, platform, "Phone", "--role", "resident");
  await expect(notice).toContainText("This connection is not encrypted");

  const made = await platform.certificateMade(almostAYear);
  expect(made.code, made.output).toBe(0);
  // It is seen a moment after it was written; the browser keeps the connection that it has.
  await expect(async () => {
    await page.goto(platform.networkOrigin);
    expect(page.url()).toMatch(/^https:/);
  }).toPass();
  const encrypted = platform.networkOrigin.replace("http:", "https:");
  await pairByCodeAt(encrypted, page, platform, "Phone", "--role", "resident");
  await expect(notice).toContainText("The hub’s certificate ends soon");
  await expect(notice).toContainText(/It is good for [1-9] more days/);
  await expectAccessible(page, info, "ending");
  await notice.getByRole("link", { name: "What to do" }).click();
  await expect(page.getByRole("heading", { name: "Trust this Betti hub" })).toBeVisible();
  await expectAccessible(page, info, "trust");
});
