/** Who is let in: a code from the hub's command line opens the page, and a device that was removed sees none of it. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";
import { test } from "./platform.js";

const layouts = {
  phone: { width: 390, height: 844 },
  desktop: { width: 1280, height: 800 },
};
const notPaired = { name: "This device is not paired yet" };

/** Nothing sticks out, and axe finds nothing. */
async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag2aaa", "wcag22aa"]).analyze();
  expect(violations.map((violation) => `${violation.id}: ${violation.help}`)).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
}

for (const [layout, viewport] of Object.entries(layouts)) {
  test(`a code from the command line lets a device in until it is removed (${layout})`, async ({ page, platform }, info) => {
    const picture = (name: string) => page.screenshot({ path: info.outputPath(`${name}.png`), fullPage: true });
    await page.setViewportSize(viewport);
    await platform.ctl("start");
    const made = await platform.api("pair", "--role", "resident");
    expect(made.code, made.output).toBe(0);
    const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(made.output)?.[0] ?? "";

    await page.goto(`${platform.origin}/pair#${code}`);
    await expect(page.getByLabel("Code", { exact: true })).toHaveValue(code);
    expect(page.url(), "the code is gone from the address").toBe(`${platform.origin}/pair`);
    await expectAccessible(page);
    await picture("pair");
    await page.getByLabel("Name of this device").fill("Tablet by the bed");
    await page.getByRole("button", { name: "Pair this device" }).click();
    await expect(page.getByText(/no readings yet/i)).toBeVisible();

    await page.getByRole("link", { name: "Setup" }).click();
    await expect(page.getByText("Tablet by the bed (this device)")).toBeVisible();
    await page.getByRole("button", { name: "Make a code" }).click();
    const invited = await page.getByTestId("invitation-code").innerText();
    await expect(page.getByText("It works once, for 5 minutes")).toBeVisible();
    expect(invited).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    await expectAccessible(page);
    await picture("setup");

    // A code works once, and nobody is told which of its faults it has.
    const other = await page.context().browser()?.newContext({ viewport: { width: 320, height: 640 } });
    const second = await other?.newPage();
    if (!other || !second) throw new Error("no second browser");
    await second.goto(platform.networkOrigin);
    await expect(second.getByRole("heading", notPaired)).toBeVisible();
    for (const [typed, outcome] of [
      [code.toLowerCase().replace("-", " "), /this code is not valid/i],
      [invited.toLowerCase().replace("-", ""), /no readings yet/i],
    ] as const) {
      await second.goto(`${platform.networkOrigin}/pair`);
      await second.getByLabel("Code", { exact: true }).fill(typed);
      await second.getByRole("button", { name: "Pair this device" }).click();
      await expect(second.getByText(outcome)).toBeVisible();
    }

    // The first device removes the second, which has the page open.
    await page.reload();
    await page.getByRole("button", { name: /^Remove / }).click();
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await expect(page.getByRole("button", { name: /^Remove / })).toHaveCount(0);
    await second.reload();
    await expect(second.getByRole("heading", notPaired)).toBeVisible();
    await expect(second.getByRole("article")).toHaveCount(0);
    await second.evaluate(() => document.documentElement.style.setProperty("font-size", "200%"));
    await expectAccessible(second);
    await second.screenshot({ path: info.outputPath("not-paired.png"), fullPage: true });
    await other.close();
  });
}
