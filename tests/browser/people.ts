/** How the people of a house come in, and what their devices do. */
import { type Browser, type BrowserContext, expect, type Page } from "@playwright/test";
import type { Platform } from "./platform.js";

export const layouts = {
  phone: { width: 390, height: 844 },
  tablet: { width: 1024, height: 768 },
  desktop: { width: 1280, height: 800 },
};

/** Comes in by a code such as the command line prints; `words` are those of `betti-api pair`. */
export async function pairByCode(page: Page, platform: Platform, name: string, ...words: string[]): Promise<void> {
  const made = await platform.api("pair", ...words);
  const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(made.output)?.[0];
  if (code === undefined) throw new Error(`no code:\n${made.output}`);
  await page.goto(`${platform.origin}/pair#${code}`);
  await page.getByLabel("Name of this device").fill(name);
  await page.getByRole("button", { name: "Pair this device" }).click();
  await expect(page.getByRole("heading", { name: "Pair this device" })).toHaveCount(0);
}

/** A browser of somebody else's, which knows nothing of the others. */
export async function another(page: Page, viewport = layouts.phone): Promise<BrowserContext> {
  const browser: Browser | null = page.context().browser();
  if (browser === null) throw new Error("no browser");
  return browser.newContext({ viewport, locale: "en-US" });
}

/** What a cuff sends. */
export async function postReading(platform: Platform, systolic = 118): Promise<void> {
  const reading = { vital_type: "blood_pressure", value_primary: systolic, value_secondary: 76, unit: "mmHg" };
  const answer = await fetch(`${platform.origin}/api/vitals`, {
    method: "POST",
    headers: { "content-type": "application/json", ...platform.asWorker },
    body: JSON.stringify(reading),
  });
  expect(answer.status, await answer.text()).toBe(201);
}

/** What the page itself may do, with its cookie: the status and the answer. For what has no button yet. */
export function ask(page: Page, method: string, path: string, body?: unknown): Promise<{ status: number; answer: unknown }> {
  return page.evaluate(
    async ({ method, path, body }) => {
      const headers = { "content-type": "application/json" };
      const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) };
      const answer = await fetch(path, { method, ...sent });
      return { status: answer.status, answer: (await answer.json()) as unknown };
    },
    { method, path, body },
  );
}
