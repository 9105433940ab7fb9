/** The pictures in the README, taken of the real thing: `npm run pictures`. */
import { expect } from "@playwright/test";
import { test } from "./platform.js";

const minute = 60_000;
const readings = [
  { vital_type: "weight", value_primary: 171.4, unit: "lbs", source: "ble_device", minutes: 185 },
  { vital_type: "glucose", value_primary: 104, unit: "mg/dL", source: "manual", minutes: 64 },
  { vital_type: "temperature", value_primary: 98.2, unit: "°F", source: "manual", minutes: 41 },
  { vital_type: "spo2", value_primary: 97, unit: "%", source: "ble_device", minutes: 12 },
  { vital_type: "heart_rate", value_primary: 68, unit: "bpm", source: "ble_device", minutes: 1 },
  { vital_type: "blood_pressure", value_primary: 118, value_secondary: 76, unit: "mmHg", source: "ble_device", minutes: 0 },
];

test("the latest vitals on a phone and on a desktop", async ({ page, platform }) => {
  await platform.ctl("start");
  await platform.pair(page.context());
  for (const { minutes, ...reading } of readings) {
    const body = { ...reading, recorded_at: new Date(Date.now() - minutes * minute).toISOString() };
    await fetch(`${platform.origin}/api/vitals`, {
      method: "POST",
      headers: { "content-type": "application/json", ...platform.asWorker },
      body: JSON.stringify(body),
    });
  }
  const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };
  for (const [name, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport);
    await page.goto(platform.origin);
    await expect(page.getByRole("article")).toHaveCount(readings.length);
    await expect(page.getByTestId("connection")).toHaveText(/live/i);
    await page.screenshot({ path: `pictures/${name}.png` });
  }
});
