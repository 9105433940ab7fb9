/** Whoever uses it with other eyes or hands: axe finds nothing, on either layout, by day and by night. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "@playwright/test";
import { test } from "./platform.js";

test("axe finds nothing to complain about", async ({ page, platform }) => {
  await platform.ctl("start");
  await platform.pair(page.context());
  const readings = [
    { vital_type: "blood_pressure", value_primary: 118, value_secondary: 76, unit: "mmHg" },
    { vital_type: "heart_rate", value_primary: 121, unit: "bpm" },
    { vital_type: "weight", value_primary: 171.4, unit: "lbs" },
  ];
  for (const reading of readings) {
    const answer = await fetch(`${platform.origin}/api/vitals`, {
      method: "POST",
      headers: { "content-type": "application/json", ...platform.asWorker },
      body: JSON.stringify(reading),
    });
    expect(answer.status).toBe(201);
  }
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [390, 1280]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height: 844 });
      await page.goto(platform.origin);
      await expect(page.getByRole("article")).toHaveCount(readings.length);
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag2aaa", "wcag22aa"]).analyze();
      expect(violations.map((violation) => `${violation.id}: ${violation.help}`)).toEqual([]);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow, `nothing sticks out at ${width} pixels`).toBeLessThanOrEqual(0);
    }
  }
});
