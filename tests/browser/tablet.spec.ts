/** The tablet on the wall: what is done every day needs nothing, what changes treatment or access needs the PIN. */
import { expect, type Page } from "@playwright/test";
import { expectAccessible } from "./accessibility.js";
import { another, ask, layouts, pairByCode } from "./people.js";
import { test } from "./platform.js";

/** How many wrong PINs are looked at before the tablet has to wait. */
const mostWrong = 5;
const kiosk = ["--role", "resident", "--kiosk"];

const makeCode = (page: Page) => page.getByRole("button", { name: "Make a code" });
const welcome = (page: Page) => page.getByText(/no readings yet/i);

async function press(page: Page, digits: string, done: string): Promise<void> {
  for (const digit of digits) await page.getByRole("button", { name: digit, exact: true }).click();
  await page.getByRole("button", { name: done, exact: true }).click();
}

async function medicine(page: Page): Promise<number> {
  const { status, answer } = await ask(page, "POST", "/api/medications", { name: "Metformin", dosage: "500 mg" });
  expect(status, JSON.stringify(answer)).toBe(201);
  return (answer as { data: { id: number } }).data.id;
}

// An old phone on the wall is one as well.
for (const layout of ["phone", "tablet"] as const) {
  test(`the tablet on the wall asks for its PIN where that matters, and locks again (${layout})`, async ({
    page,
    platform,
  }, info) => {
    await page.setViewportSize(layouts[layout]);
    await platform.ctl("start");
    await pairByCode(page, platform, "Kitchen", ...kiosk);

    // The second step of pairing.
    await expect(page.getByRole("heading", { name: "Now choose a PIN" })).toBeVisible();
    await expectAccessible(page, info, "choose-pin");
    await press(page, "1234", "Next");
    await press(page, "1234", "Set");
    await expect(page.getByRole("alert")).toContainText("counts up or down");
    await press(page, "2580", "Next");
    await press(page, "2581", "Set");
    await expect(page.getByRole("alert")).toContainText("not the same");
    await press(page, "2580", "Next");
    await press(page, "2580", "Set");
    await expect(welcome(page)).toBeVisible();

    // Whoever chose it is here: the medicine is added, and then it is locked again.
    await expect(page.getByText(/^Unlocked, [45] minutes left$/)).toBeVisible();
    await expectAccessible(page, info, "unlocked");
    const id = await medicine(page);
    await page.getByRole("button", { name: "Lock now" }).click();
    await expect(page.getByTestId("unlocked")).toHaveCount(0);

    // Every day.
    expect((await ask(page, "POST", `/api/medications/${id}/take`, {})).status).toBe(200);
    expect((await ask(page, "POST", "/api/hydration/log", { amount_oz: 8 })).status).toBe(201);
    await expect(page.getByRole("dialog")).toHaveCount(0);
    const refused = await ask(page, "PUT", `/api/medications/${id}`, { dosage: "850 mg" });
    expect(refused).toMatchObject({ status: 403, answer: { needs: "pin", pin: "set" } });

    // Who may see what.
    await page.getByRole("link", { name: "Setup" }).click();
    await expect(page.getByLabel("Present PIN")).toBeVisible();
    await expectAccessible(page, info, "set-pin");
    await makeCode(page).click();
    const pad = page.getByRole("dialog", { name: "Type the PIN" });
    await expect(pad).toBeVisible();
    await expectAccessible(page, info, "pin-pad");
    await press(page, "9051", "OK");
    await expect(pad.getByRole("alert")).toHaveText("This PIN is not right. Try again.");
    await expectAccessible(page, info, "pin-wrong");
    await page.keyboard.type("2580");
    await page.keyboard.press("Enter");
    await expect(page.getByTestId("invitation-code")).toBeVisible();
    await expect(pad).toHaveCount(0);
    expect((await ask(page, "PUT", `/api/medications/${id}`, { dosage: "850 mg" })).status).toBe(200);

    await page.getByRole("button", { name: "Lock now" }).click();
    await expect(page.getByTestId("unlocked")).toHaveCount(0);
    await page.getByRole("button", { name: "Done" }).click();
    await makeCode(page).click();
    await expect(pad).toBeVisible();
    for (let wrong = 1; wrong < mostWrong; wrong += 1) {
      await press(page, "9051", "OK");
      await expect(pad.getByRole("alert")).toHaveText("This PIN is not right. Try again.");
      await expect(pad.getByText("0 digits typed")).toBeAttached();
    }
    await press(page, "9051", "OK");
    await expect(pad.getByRole("alert")).toHaveText(/^Too many wrong PINs. Wait (1 minute|\d+ seconds), then try again.$/);
    await expectAccessible(page, info, "pin-locked-out");
    await press(page, "2580", "OK");
    await expect(pad.getByRole("alert")).toContainText("Too many wrong PINs");
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect(page.getByText(/Type the PIN first/)).toBeVisible();
    await expect(page.getByTestId("invitation-code")).toHaveCount(0);
  });
}

test("a tablet that was paired without a PIN has it chosen when it is needed, or says where", async ({ page, platform }, info) => {
  await page.setViewportSize(layouts.tablet);
  await platform.ctl("start");
  await pairByCode(page, platform, "Kitchen", ...kiosk);
  await page.getByRole("button", { name: "Not now" }).click();
  await expect(welcome(page)).toBeVisible();
  await expect(page.getByTestId("no-pin")).toBeVisible();
  await expectAccessible(page, info, "no-pin");

  // A quarter of an hour later, by the page's clock, it is not chosen here any more.
  const late = await another(page, layouts.phone);
  await late.addCookies(await page.context().cookies());
  const old = await late.newPage();
  await old.clock.install();
  await old.goto(`${platform.origin}/setup`);
  await expect(old.getByTestId("no-pin")).toBeVisible();
  await old.clock.fastForward("16:00");
  await expect(old.getByTestId("no-pin")).toHaveCount(0);
  await expect(old.getByText("betti-api pin --resident 1")).toBeVisible();
  await makeCode(old).click();
  await expect(old.getByRole("dialog", { name: "A PIN is needed first" })).toBeVisible();
  await old.clock.resume();
  await expectAccessible(old, info, "pin-elsewhere");
  await old.getByRole("button", { name: "I understand" }).click();
  await expect(old.getByTestId("invitation-code")).toHaveCount(0);
  await late.close();

  await page.getByRole("link", { name: "Setup" }).click();
  await makeCode(page).click();
  await expect(page.getByRole("dialog", { name: "First, choose a PIN" })).toBeVisible();
  await expectAccessible(page, info, "first-pin");
  await press(page, "2580", "Next");
  await press(page, "2580", "Set");
  await expect(page.getByTestId("invitation-code")).toBeVisible();
  await expect(page.getByTestId("no-pin")).toHaveCount(0);
});
