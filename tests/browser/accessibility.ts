/** What holds on every page, whoever looks at it: by day, by night, and where somebody reads it twice as large. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, type TestInfo } from "@playwright/test";

/** The smallest width and height of what is pressed, in CSS pixels. */
const target = 44;

/** Nothing sticks out, axe finds nothing, and what is pressed is large enough; with a picture of each. */
export async function expectAccessible(page: Page, info: TestInfo, name: string): Promise<void> {
  for (const look of ["light", "dark", "large"] as const) {
    await page.emulateMedia({ colorScheme: look === "dark" ? "dark" : "light", reducedMotion: "reduce" });
    await enlarge(page, look === "large");
    const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag2aaa", "wcag22aa"]).analyze();
    const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html}`);
    expect(found, `${name}, ${look}`).toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow, `${name}, ${look}`).toBeLessThanOrEqual(0);
    expect(await outside(page), `${name}, ${look}`).toEqual([]);
    await page.screenshot({ path: info.outputPath(`${name}-${look}.png`), fullPage: true });
  }
  await enlarge(page, false);
  expect(await small(page), name).toEqual([]);
}

/** The page's own size is 125 %. */
async function enlarge(page: Page, isTwice: boolean): Promise<void> {
  await page.evaluate((size) => document.documentElement.style.setProperty("font-size", size), isTwice ? "250%" : "");
}

/** What cannot be seen whole, however far the page is scrolled: a dialog hides what sticks out of it. */
function outside(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll("h1, h2, p, button, input, select, code")]
      .map((element) => ({ words: element.textContent ?? "", box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 1 && (box.left < -1 || box.right > window.innerWidth + 1))
      .map(({ words, box }) => `${words}: ${box.left} to ${box.right}`),
  );
}

/** What is pressed and is too small for it; what stands within a sentence is as high as that. */
function small(page: Page): Promise<string[]> {
  return page.evaluate((least) => {
    const pressed = [...document.querySelectorAll("button, summary, select, a[href]")];
    return pressed
      .filter((element) => !(element.tagName === "A" && getComputedStyle(element).display === "inline"))
      .map((element) => ({ words: element.textContent ?? "", box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.width < least || box.height < least))
      .map(({ words, box }) => `${words}: ${box.width} × ${box.height}`);
  }, target);
}
