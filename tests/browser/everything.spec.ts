/** A copy of everything: saved by the browser itself, for the resident and nobody who may not have it. */
import { readFileSync } from "node:fs";
import { expect } from "@playwright/test";
import { expectAccessible } from "./accessibility.js";
import { another, layouts, pairByCode, postReading } from "./people.js";
import { test } from "./platform.js";

/** How a zip file's list of what is in it begins, before each name. */
const entry = Buffer.from("PK\x01\x02", "latin1");

/** The names of what is in a zip file, from the list at its end: without that the file is not whole. */
function namesIn(zip: Buffer): string[] {
  const names = [];
  for (let at = zip.indexOf(entry); at >= 0; at = zip.indexOf(entry, at + 1)) {
    const length = zip.readUInt16LE(at + 28);
    names.push(zip.subarray(at + 46, at + 46 + length).toString());
  }
  return names;
}

test("the resident downloads everything, and a carer is not offered it", async ({ page, platform }, info) => {
  await platform.ctl("start");
  await postReading(platform);
  await pairByCode(page, platform, "Living room", "--role", "resident");
  await expect(page.getByRole("article")).toHaveCount(1);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  for (const [name, viewport] of Object.entries(layouts)) {
    await page.setViewportSize(viewport);
    await page.goto(`${platform.origin}/setup`);
    await page.getByText("Have everything erased").click();
    await expect(page.getByText("betti-api erase --resident 1")).toBeVisible();
    await expectAccessible(page, info, `setup-${name}`);
  }
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download everything" }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^betti-resident-1-\d{4}-\d\d-\d\d\.zip$/);
  expect(await download.failure()).toBeNull();
  const names = namesIn(readFileSync(await download.path()));
  expect(names).toEqual(expect.arrayContaining(["README.txt", "export.json", "fhir/bundle.json", "csv/api-readings.csv"]));
  await expect(page.getByText(/saving the file now/)).toBeVisible();
  await page.getByText(/saving the file now/).scrollIntoViewIfNeeded();
  await page.screenshot({ path: info.outputPath("saving.png") });

  const family = await another(page);
  const carer = await family.newPage();
  await pairByCode(carer, platform, "Anna’s phone", "--role", "carer");
  await carer.goto(`${platform.origin}/setup`);
  await expect(carer.getByRole("heading", { name: "Invite" })).toBeVisible();
  await expect(carer.getByRole("heading", { name: "Everything that is kept" })).toHaveCount(0);
  await family.close();
});
