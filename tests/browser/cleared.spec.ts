/** What is on a screen goes at once when its device may not see it any more: all of it, or an area. */
import { expect, type Page } from "@playwright/test";
import { expectAccessible } from "./accessibility.js";
import { another, ask, layouts, pairByCode, postReading } from "./people.js";
import { test } from "./platform.js";

const bloodPressure = (page: Page) => page.getByRole("article", { name: /blood pressure/i });
const notPaired = { name: "This device is not paired yet" };

/** A mark that a reload would wipe away. */
const mark = (page: Page) => page.evaluate(() => Object.assign(window, { neverReloaded: true }) && undefined);
const isMarked = (page: Page) => page.evaluate(() => "neverReloaded" in window);

test("a device that was removed from another one is cleared at once, in all of its tabs", async ({ page, platform }, info) => {
  await page.setViewportSize(layouts.desktop);
  await platform.ctl("start");
  await postReading(platform);
  await pairByCode(page, platform, "Living room", "--role", "resident");
  const lost = await another(page);
  const tab = await lost.newPage();
  await pairByCode(tab, platform, "Bertha’s telephone", "--role", "carer");
  await expect(bloodPressure(tab)).toBeVisible();
  const setup = await lost.newPage();
  await setup.goto(`${platform.origin}/setup`);
  await expect(setup.getByText("Bertha’s telephone (this device)")).toBeVisible();
  await Promise.all([mark(tab), mark(setup)]);

  await page.goto(`${platform.origin}/setup`);
  await page.getByRole("button", { name: "Remove Bertha’s telephone" }).click();
  await expectAccessible(page, info, "removing");
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  for (const cleared of [tab, setup]) {
    await expect(cleared.getByRole("heading", notPaired)).toBeVisible();
    await expect(cleared.getByText("118/76")).toHaveCount(0);
    await expect(cleared.getByText("Bertha’s telephone")).toHaveCount(0);
    await expect(cleared.getByLabel("Code", { exact: true })).toBeVisible();
    expect(await isMarked(cleared), "nobody reloaded it").toBe(true);
  }
  await expectAccessible(tab, info, "cleared");
  await lost.close();
});

test("what the resident withdraws from a carer goes from the carer's screen, and what is given comes back", async ({
  page,
  platform,
}, info) => {
  await platform.ctl("start");
  await postReading(platform);
  await pairByCode(page, platform, "Living room", "--role", "resident");
  await expect(bloodPressure(page)).toBeVisible();
  const family = await another(page);
  const carer = await family.newPage();
  await pairByCode(carer, platform, "Bertha’s telephone", "--role", "carer");
  await expect(bloodPressure(carer)).toContainText("118/76");
  await mark(carer);
  const me = (await ask(carer, "GET", "/api/v1/access/me")).answer as { data: { device: string } };

  const grant = `/api/v1/access/grants/${me.data.device}/vitals`;
  expect((await ask(page, "DELETE", grant)).status).toBe(200);
  await expect(bloodPressure(carer)).toHaveCount(0);
  await expect(carer.getByText("118/76")).toHaveCount(0);
  await expect(carer.getByRole("heading", notPaired)).toHaveCount(0);
  await expectAccessible(carer, info, "withdrawn");
  expect(await isMarked(carer), "nobody reloaded it").toBe(true);
  await expect(bloodPressure(page), "the resident's own screen stays").toBeVisible();

  expect((await ask(page, "PUT", grant, { level: "read" })).status).toBe(200);
  await expect(bloodPressure(carer)).toContainText("118/76");
  await family.close();
});
