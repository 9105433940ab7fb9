/** The main job, as a family lives it: a reading appears by itself, a failure heals by itself, and stopped means gone. */
import { expect, type Page } from "@playwright/test";
import { type Platform, test } from "./platform.js";

const layouts = {
  phone: { width: 390, height: 844 },
  desktop: { width: 1280, height: 800 },
};

/** What a blood pressure cuff sends. */
async function postBloodPressure(platform: Platform, systolic: number, diastolic: number): Promise<void> {
  const answer = await fetch(`${platform.origin}/api/vitals`, {
    method: "POST",
    headers: { "content-type": "application/json", ...platform.asWorker },
    body: JSON.stringify({
      vital_type: "blood_pressure",
      value_primary: systolic,
      value_secondary: diastolic,
      unit: "mmHg",
      source: "ble_device",
    }),
  });
  expect(answer.status, await answer.text()).toBe(201);
}

const bloodPressure = (page: Page) => page.getByRole("article", { name: /blood pressure/i });
const connection = (page: Page) => page.getByTestId("connection");

/** A mark that a reload would wipe away. */
async function markPage(page: Page): Promise<() => Promise<boolean>> {
  await page.evaluate(() => Object.assign(window, { neverReloaded: true }));
  return () => page.evaluate(() => "neverReloaded" in window);
}

/** Writes down what the page says about its connection from now on; answers what it has said. */
async function listenToConnection(page: Page): Promise<() => Promise<string[]>> {
  await connection(page).evaluate((element) => {
    const said: string[] = [];
    const listen = () => said.push(element.querySelector("[role=status]")?.textContent ?? "");
    new MutationObserver(listen).observe(element, { subtree: true, childList: true, characterData: true });
    Object.assign(window, { said });
  });
  return () => page.evaluate(() => (window as unknown as { said: string[] }).said);
}

for (const [layout, viewport] of Object.entries(layouts)) {
  test(`a reading appears live, survives the death of its server, and stopped means gone (${layout})`, async ({
    page,
    platform,
  }) => {
    await page.setViewportSize(viewport);
    const started = await platform.ctl("start");
    expect(started.code, started.output).toBe(0);
    await platform.pair(page.context());
    expect(started.output).toContain(platform.origin);
    for (const app of await platform.apps()) expect(app.status, app.name).toBe("online");

    await page.goto(platform.origin);
    await expect(connection(page)).toHaveText(/live/i);
    await expect(page.getByText(/no readings yet/i)).toBeVisible();
    const neverReloaded = await markPage(page);

    await postBloodPressure(platform, 118, 76);
    await expect(bloodPressure(page)).toContainText("118/76");
    await expect(bloodPressure(page)).toContainText("mmHg");
    expect(await neverReloaded(), "the page was not reloaded").toBe(true);

    // The server dies and may not come back at once: the page says so, and still shows what it knows.
    await platform.ctl("stop", "betti-backend");
    await expect(connection(page)).toHaveText(/reconnecting|offline/i);
    await expect(bloodPressure(page)).toContainText("118/76");
    await platform.ctl("start", "betti-backend");
    await expect(connection(page)).toHaveText(/live/i);

    const before = await platform.pidOf("betti-backend");
    const said = await listenToConnection(page);
    const reconnected = page.waitForEvent("websocket");
    process.kill(before, "SIGKILL");
    await reconnected; // By itself.
    await expect(connection(page)).toHaveText(/live/i);
    expect(await said(), "the page said so").toContain("Reconnecting…");
    expect(await platform.pidOf("betti-backend")).not.toBe(before);
    await expect(bloodPressure(page)).toContainText("118/76");

    await postBloodPressure(platform, 131, 84);
    await expect(bloodPressure(page)).toContainText("131/84");
    expect(await neverReloaded(), "the page was not reloaded").toBe(true);

    await page.reload();
    await expect(bloodPressure(page)).toContainText("131/84");

    expect(platform.processes().length).toBeGreaterThan(0);
    const stopped = await platform.ctl("stop");
    expect(stopped.code, stopped.output).toBe(0);
    expect(platform.processes(), "nothing of the platform is left").toEqual([]);
    await expect(connection(page)).toHaveText(/reconnecting|offline/i);
  });
}

test("the app opens without the hub once it has been seen, and says that the hub is away", async ({ page, platform }) => {
  await platform.ctl("start");
  await platform.pair(page.context());
  await page.goto(platform.origin);
  await expect(connection(page)).toHaveText(/live/i);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.reload(); // The first visit is not controlled by the service worker, the second is.
  await expect(connection(page)).toHaveText(/live/i);
  await platform.ctl("stop");
  await page.reload();
  // What asks again and again who this device is takes nothing off the page: it is the same from the first try on.
  const first = await connection(page).elementHandle();
  await expect(connection(page)).toHaveText(/reconnecting|offline/i);
  expect(await first?.evaluate((shown) => shown.isConnected), "the page began anew").toBe(true);
});
