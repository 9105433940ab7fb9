/** A page that came without encryption says what does not work, and leads to what can be done. */
import { expect } from "@playwright/test";
import { expectAccessible } from "./accessibility.js";
import { layouts } from "./people.js";
import { test } from "./platform.js";

test("who comes over the network without encryption is told what will not work, and where to go", async ({ page, platform }, info) => {
  await page.setViewportSize(layouts.phone);
  await platform.ctl("start");
  const { output } = await platform.api("pair", "--role", "resident");
  await page.goto(`${platform.networkOrigin}/pair#${/[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(output)?.[0] ?? ""}`);
  await page.getByRole("button", { name: "Pair this device" }).click();
  const notice = page.getByTestId("safety");
  await expect(notice).toContainText("This connection is not encrypted");
  await expect(notice).toContainText("Video calls cannot use the camera, and Betti cannot be installed");
  await expectAccessible(page, info, "unencrypted");
  await notice.getByRole("link", { name: "What to do" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  expect(new URL(page.url()).pathname).toBe("/trust");
  await expectAccessible(page, info, "trust");
});
