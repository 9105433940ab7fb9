/** Who sees what: an area is withdrawn and given back, what was done is told, and who is shut out sees nothing any more. */
import { type Browser, expect, type Page } from "@playwright/test";
import { expectAccessible, expectAccessibleEverywhere, layouts } from "./eyes.js";
import { type Platform, test } from "./platform.js";

const notPaired = { name: "This device is not paired yet" };
const reading = (page: Page) => page.getByRole("article", { name: /blood pressure/i });
const looked = (page: Page) => page.getByRole("main").getByRole("listitem");

async function anotherDevice(browser: Browser | null, platform: Platform, name: string, role: string): Promise<Page> {
  const context = await browser?.newContext({ viewport: layouts.phone });
  const page = await context?.newPage();
  if (!page) throw new Error("no other browser");
  await platform.pairByCode(page, name, ["--role", role]);
  await expect(reading(page)).toBeVisible();
  await expect(page.getByTestId("connection")).toHaveText(/live/i);
  return page;
}

/** A second tab of the same device. */
async function anotherTab(page: Page): Promise<Page> {
  const tab = await page.context().newPage();
  await tab.goto(page.url());
  await expect(reading(tab)).toBeVisible();
  await expect(tab.getByTestId("connection")).toHaveText(/live/i);
  return tab;
}

/** How the page posts a reading for itself. */
function measureBy(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const body = JSON.stringify({ vital_type: "heart_rate", value_primary: 72, unit: "bpm" });
    const headers = { "content-type": "application/json" };
    return (await fetch("/api/vitals", { method: "POST", headers, body })).status;
  });
}

test("what the resident withdraws is gone from the carer’s open page, and who is shut out sees nothing", async ({
  page,
  platform,
}, info) => {
  await page.setViewportSize(layouts.desktop);
  await platform.ctl("start");
  await platform.pairByCode(page, "Tablet by the bed", ["--role", "resident"]);
  await platform.measure(118, 76);
  const browser = page.context().browser();
  const carer = await anotherDevice(browser, platform, "Anna’s phone", "carer");
  expect(await measureBy(carer)).toBe(201);

  await test.step("an area is withdrawn, and given back", async () => {
    await page.goto(`${platform.origin}/setup`);
    await page.getByText("What it may see and enter").click();
    const areas = page.getByRole("list", { name: "What it may see and enter: Anna’s phone" });
    await areas.getByRole("checkbox", { name: "Readings" }).uncheck();
    await expect(page.getByText("Readings: not shared any more.")).toBeVisible();
    await expect(reading(carer)).toHaveCount(0);
    await expect(carer.getByRole("heading", { name: "Readings are not shared with this device" })).toBeVisible();
    await expectAccessibleEverywhere(carer, info, "not-shared");
    expect(await measureBy(carer)).toBe(403);
    await platform.measure(131, 84);
    await expectAccessibleEverywhere(page, info, "shares");
    await areas.getByRole("checkbox", { name: "Readings" }).check();
    await expect(reading(carer)).toContainText("131/84");
    expect(await measureBy(carer)).toBe(201);
  });

  await test.step("the resident is told what was done, and what was refused", async () => {
    await page.goto(`${platform.origin}/setup/looks`);
    await expect(looked(page).filter({ hasText: "Anna’s phone recorded a reading at" })).not.toHaveCount(0);
    await expect(looked(page).filter({ hasText: "Anna’s phone looked at readings" })).not.toHaveCount(0);
    const refused = looked(page).filter({ hasText: "Not let in" });
    await expect(refused.first()).toContainText("Anna’s phone was not let in to readings");
    await expect(looked(page).filter({ hasText: "Tablet by the bed let a device see less at" })).toHaveCount(1);
    await expectAccessibleEverywhere(page, info, "looks");
  });

  await test.step("a device that is removed is cleared in all of its tabs", async () => {
    const tab = await anotherTab(carer);
    await page.goto(`${platform.origin}/setup`);
    await page.getByRole("button", { name: "Remove Anna’s phone" }).click();
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await expectCleared(carer, tab);
    await expectAccessibleEverywhere(carer, info, "cleared");
    await carer.context().close();
  });

  await test.step("so are all others at once", async () => {
    const phone = await anotherDevice(browser, platform, "Own phone", "resident");
    const nurse = await anotherDevice(browser, platform, "The nurse’s tablet", "clinician");
    const tab = await anotherTab(phone);
    await page.reload();
    await page.getByRole("button", { name: "Take away all other devices’ access" }).click();
    await expectAccessible(page, info, "take-away-all");
    await page.getByRole("button", { name: "Take away all others" }).click();
    await expectCleared(phone, tab, nurse);
    await expect(page.getByText("2 other devices are shut out.")).toBeVisible();
    await expect(page.getByRole("list", { name: "Devices" }).getByRole("listitem")).toHaveCount(1);
    for (const other of [phone, nurse]) await other.context().close();
  });
});

/** Without a touch, and with the way back. */
async function expectCleared(...pages: Page[]): Promise<void> {
  for (const page of pages) {
    await expect(page.getByRole("heading", notPaired)).toBeVisible();
    await expect(page.getByRole("article")).toHaveCount(0);
    await expect(page.getByLabel("Code", { exact: true })).toBeVisible();
  }
}
