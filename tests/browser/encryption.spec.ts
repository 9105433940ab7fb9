/** How the page came here: what does not work without encryption, and a certificate that ends soon, are said in words. */
import { expect, type Page } from "@playwright/test";
import { expectAccessible, expectAccessibleEverywhere, layouts } from "./eyes.js";
import { test } from "./platform.js";

/** The hub's own certificates are good for a year. */
const almostAYear = 358;
const safety = (page: Page) => page.getByTestId("safety");

test.use({ ignoreHTTPSErrors: true });

test("what does not work without encryption is said, and that a certificate ends soon", async ({ page, platform }, info) => {
  await page.setViewportSize(layouts.phone);
  await platform.ctl("start");

  await test.step("this machine itself lacks nothing", async () => {
    await platform.pairByCode(page, "On the hub", ["--role", "resident"]);
    await expect(safety(page)).toHaveCount(0);
    await page.context().clearCookies();
  });

  await test.step("others come unencrypted", async () => {
    await platform.pairByCode(page, "Phone", ["--role", "resident"], platform.networkOrigin);
    await expect(safety(page)).toContainText("This connection is not encrypted");
    await expect(safety(page)).toContainText("Video calls cannot use the camera, and Betti cannot be installed");
    expect(await page.evaluate(() => window.isSecureContext)).toBe(false);
    await expectAccessibleEverywhere(page, info, "unencrypted");
    await safety(page).getByRole("link", { name: "What to do" }).click();
    await expect(page.getByRole("heading", { name: "There is nothing to trust yet" })).toBeVisible();
    await expectAccessible(page, info, "trust-nothing");
  });

  await test.step("with a certificate everybody comes encrypted, and is told in time when it ends", async () => {
    const made = await platform.certificateMade(almostAYear);
    expect(made.code, made.output).toBe(0);
    await expect(async () => {
      await page.goto(platform.networkOrigin);
      expect(page.url()).toMatch(/^https:/);
    }).toPass();
    await platform.pairByCode(page, "Phone", ["--role", "resident"], platform.networkOrigin.replace("http:", "https:"));
    await expect(safety(page)).toContainText("The hub’s certificate ends soon");
    await expect(safety(page)).toContainText(/It is good for [1-9] more days/);
    expect(await page.evaluate(() => window.isSecureContext)).toBe(true);
    await expectAccessibleEverywhere(page, info, "ending");
    await safety(page).getByRole("link", { name: "What to do" }).click();
    await expect(page.getByRole("heading", { name: "Trust this Betti hub" })).toBeVisible();
    await expectAccessibleEverywhere(page, info, "trust");
  });
});
