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

  // Nobody knows which one is in wrong hands: all others.
  const others = await Promise.all([another(page), another(page)]);
  const screens: Page[] = [];
  for (const [at, role] of ["resident", "clinician"].entries()) {
    const screen = await others[at]?.newPage();
    if (!screen) throw new Error("no other browser");
    await pairByCode(screen, platform, `Device of a ${role}`, "--role", role);
    await expect(bloodPressure(screen)).toBeVisible();
    screens.push(screen);
  }
  await page.reload();
  await page.getByRole("button", { name: "Take away all other devices’ access" }).click();
  await expectAccessible(page, info, "take-away-all");
  await page.getByRole("button", { name: "Take away all others" }).click();
  await expect(page.getByText("2 other devices are shut out.")).toBeVisible();
  for (const screen of screens) {
    await expect(screen.getByRole("heading", notPaired)).toBeVisible();
    await expect(screen.getByRole("article")).toHaveCount(0);
  }
  await Promise.all(others.map((other) => other.close()));
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

  const setup = await page.context().newPage();
  await setup.setViewportSize(layouts.phone);
  await setup.goto(`${platform.origin}/setup`);
  await setup.getByText("What it may see and enter").click();
  const areas = setup.getByRole("list", { name: "What it may see and enter: Bertha’s telephone" });
  const readings = areas.getByRole("checkbox", { name: "Readings" });
  await expect(readings).toBeChecked();
  await readings.uncheck();
  await expect(bloodPressure(carer)).toHaveCount(0);
  await expect(carer.getByText("118/76")).toHaveCount(0);
  await expect(carer.getByRole("heading", notPaired)).toHaveCount(0);
  await expect(carer.getByRole("heading", { name: "Readings are not shared with this device" })).toBeVisible();
  expect((await ask(carer, "POST", "/api/vitals", {})).status, "nor does it enter any").toBe(403);
  await expectAccessible(carer, info, "withdrawn");
  expect(await isMarked(carer), "nobody reloaded it").toBe(true);
  await expect(bloodPressure(page), "the resident's own screen stays").toBeVisible();

  await expect(setup.getByText("Readings: not shared any more.")).toBeVisible();
  await expectAccessible(setup, info, "areas");
  await readings.check();
  await expect(setup.getByText("Readings: shared again.")).toBeVisible();
  await expect(bloodPressure(carer)).toContainText("118/76");
  await family.close();
});
