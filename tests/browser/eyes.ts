/** Whoever looks with other eyes, or at another size: nothing sticks out, and axe finds nothing. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, type TestInfo } from "@playwright/test";

const tags = ["wcag2a", "wcag2aa", "wcag2aaa", "wcag22aa"];
const looks = ["light", "dark", "large"] as const;

export const layouts = {
  phone: { width: 390, height: 844 },
  tablet: { width: 1024, height: 768 },
  desktop: { width: 1280, height: 800 },
};

/** By day, by night, and where somebody reads it twice as large. Leaves pictures of it among the results. */
export async function expectAccessible(page: Page, info: TestInfo, name: string): Promise<void> {
  for (const look of looks) {
    await page.emulateMedia({ colorScheme: look === "dark" ? "dark" : "light", reducedMotion: "reduce" });
    await enlarge(page, look === "large");
    const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
    const found = violations.flatMap(({ id, help, nodes }) => nodes.map(({ target }) => `${id}: ${help}: ${target.join(" ")}`));
    expect(found, `${name}, ${look}`).toEqual([]);
    await expectNothingSticksOut(page, `${name}, ${look}`);
    await page.screenshot({ path: info.outputPath(`${name}-${look}.png`), fullPage: true });
  }
  await enlarge(page, false);
}

/** The same on a phone, and that nothing sticks out on wider screens. */
export async function expectAccessibleEverywhere(page: Page, info: TestInfo, name: string): Promise<void> {
  for (const layout of ["desktop", "tablet"] as const) {
    await page.setViewportSize(layouts[layout]);
    await expectNothingSticksOut(page, `${name}, ${layout}`);
    await page.screenshot({ path: info.outputPath(`${name}-${layout}.png`) });
  }
  await page.setViewportSize(layouts.phone);
  await expectAccessible(page, info, name);
}

async function expectNothingSticksOut(page: Page, where: string): Promise<void> {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow, `${where}: nothing sticks out`).toBeLessThanOrEqual(0);
  // What lies above the page does not make it wider.
  const cut = await page.locator("[role=dialog] *").evaluateAll((inside) =>
    inside.filter((element) => element.getBoundingClientRect().right > window.innerWidth).map(({ outerHTML }) => outerHTML),
  );
  expect(cut, `${where}: nothing is cut off`).toEqual([]);
}

async function enlarge(page: Page, isTwice: boolean): Promise<void> {
  await page.evaluate((isTwice) => {
    const { style } = document.documentElement;
    style.fontSize = "";
    const own = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    if (isTwice) style.fontSize = `${2 * own}px`;
  }, isTwice);
}
