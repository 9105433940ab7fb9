/** The tablet on the wall: everybody passes by, so what changes treatment or access needs the PIN. */
import { expect, type Page } from "@playwright/test";
import { expectAccessibleEverywhere, layouts } from "./eyes.js";
import { bloodPressure, test } from "./platform.js";

const right = "2580";
const wrong = "9051";
/** Wrong PINs in a row before nobody may try for a while. */
const mostWrong = 5;

const pad = (page: Page) => page.getByRole("dialog", { name: "Type the PIN" });
const code = (page: Page) => page.getByTestId("invitation-code");
const makeCode = (page: Page) => page.getByRole("button", { name: "Make a code" }).click();

async function type(page: Page, pin: string): Promise<void> {
  for (const digit of pin) await pad(page).getByRole("button", { name: digit, exact: true }).click();
  await pad(page).getByRole("button", { name: "OK" }).click();
}

/** As the page itself asks the hub; answers the status and what is needed. */
function ask(page: Page, method: string, path: string, body: unknown): Promise<{ status: number; needs?: string }> {
  return page.evaluate(
    async ([method, path, body]) => {
      const answer = await fetch(path, { method, headers: { "content-type": "application/json" }, body });
      return { status: answer.status, needs: (await answer.json()).needs };
    },
    [method, path, JSON.stringify(body)] as const,
  );
}

test("the tablet on the wall needs the PIN for what changes treatment or access, and for nothing else", async ({
  page,
  platform,
}, info) => {
  await page.setViewportSize(layouts.tablet);
  await platform.ctl("start");
  await platform.pairByCode(page, "Kitchen", ["--role", "resident", "--kiosk"]);

  await test.step("without a PIN nothing of that is done, and it is said", async () => {
    await page.goto(`${platform.origin}/setup`);
    await makeCode(page);
    await expect(page.getByRole("alert").getByText(/A PIN must be set first/)).toBeVisible();
    await expect(page.getByLabel("PIN (4 to 8 digits)")).toBeVisible();
    await expectAccessibleEverywhere(page, info, "setup-without-pin");
    const set = await platform.apiTold(`${right}\n`, "pin");
    expect(set.output).toContain("The PIN of resident 1 is set");
  });

  await test.step("what is done every day is done without it", async () => {
    await page.goto(platform.origin);
    await expect(page.getByTestId("connection")).toHaveText(/live/i);
    expect(await ask(page, "POST", "/api/vitals", bloodPressure(121, 79))).toMatchObject({ status: 201 });
    await expect(page.getByRole("article", { name: /blood pressure/i })).toContainText("121/79");
    expect(await ask(page, "POST", "/api/hydration/log", { amount_oz: 8 })).toMatchObject({ status: 201 });
    const medicine = { name: "Lisinopril", dosage: "10 mg" };
    expect(await ask(page, "POST", "/api/medications", medicine)).toEqual({ status: 403, needs: "pin" });
    await expect(pad(page)).toHaveCount(0);
  });

  await test.step("a wrong PIN is said, the right one does what was asked, and nothing typed is lost", async () => {
    await page.goto(`${platform.origin}/setup`);
    await page.getByLabel("Name of the device (if you like)").fill("Anna’s phone");
    await makeCode(page);
    await expect(pad(page)).toBeVisible();
    await expectAccessibleEverywhere(page, info, "pin-pad");
    await type(page, wrong);
    await expect(pad(page).getByText("This PIN is not right. Try again.")).toBeVisible();
    await expect(code(page)).toHaveCount(0);
    await page.keyboard.type(right);
    await page.keyboard.press("Enter");
    await expect(code(page)).toHaveText(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    await expect(page.getByTestId("unlocked")).toContainText("Unlocked, 5 minutes left");
    await expectAccessibleEverywhere(page, info, "unlocked");
  });

  await test.step("locked again it asks again, and guessing ends in a wait", async () => {
    await page.getByRole("button", { name: "Lock now" }).click();
    await expect(page.getByTestId("unlocked")).toHaveCount(0);
    await page.getByRole("button", { name: "Done" }).click();
    await makeCode(page);
    const trouble = pad(page).getByRole("alert");
    for (let tried = 1; tried < mostWrong; tried += 1) {
      await type(page, wrong);
      await expect(trouble).toHaveText("This PIN is not right. Try again.");
      await expect(pad(page).getByText("0 digits typed")).toBeAttached();
    }
    await type(page, wrong);
    await expect(trouble).toHaveText(/Too many wrong PINs. Wait 1 minute, then try again./);
    await expectAccessibleEverywhere(page, info, "pin-locked-out");
    await type(page, right);
    await expect(trouble).toHaveText(/Too many wrong PINs. Wait/);
    await pad(page).getByRole("button", { name: "Cancel" }).click();
    await expect(page.getByRole("alert").getByText(/Type the PIN first/)).toBeVisible();
    await expect(code(page)).toHaveCount(0);
  });
});
