/** Back in without a code: passkeys in a real browser, with the authenticator that it has for tests. */
import { expect, type Page } from "@playwright/test";
import { expectAccessible } from "./accessibility.js";
import { Authenticator } from "./authenticator.js";
import { type Platform, test } from "./platform.js";

const layouts = {
  phone: { width: 390, height: 844 },
  desktop: { width: 1280, height: 800 },
};
const notPaired = { name: "This device is not paired yet" };
const signIn = { name: "Sign in with a passkey" };
const make = { name: "Make a passkey" };
/** How often a wrong one is looked at before an address has to wait. */
const mostWrong = 8;

/** The one address without encryption that browsers take passkeys for. */
const localhost = (platform: Platform) => platform.origin.replace("127.0.0.1", "localhost");
const welcome = (page: Page) => page.getByText(/no readings yet/i);
const passkeyRows = (page: Page) => page.getByRole("list", { name: "Passkeys" }).getByRole("listitem");

/** Comes in by a code such as the command line prints. */
async function pairByCode(page: Page, platform: Platform, origin: string, name: string, ...more: string[]): Promise<void> {
  const made = await platform.api("pair", "--role", "resident", ...more);
  const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(made.output)?.[0] ?? "";
  await page.goto(`${origin}/pair#${code}`);
  await page.getByLabel("Name of this device").fill(name);
  await page.getByRole("button", { name: "Pair this device" }).click();
  if (more.includes("--kiosk")) await page.getByRole("button", { name: "Not now" }).click();
  await expect(welcome(page)).toBeVisible();
}

async function makePasskey(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/setup`);
  await page.getByRole("button", make).click();
  await expect(page.getByText("The passkey is made.")).toBeVisible();
}

for (const [layout, viewport] of Object.entries(layouts)) {
  test(`whoever made a passkey comes back in without a code (${layout})`, async ({ page, platform }, info) => {
    await page.setViewportSize(viewport);
    await platform.ctl("start");
    const origin = localhost(platform);
    const authenticator = await Authenticator.in(page);
    await pairByCode(page, platform, origin, "Anna’s phone");

    await page.goto(`${origin}/setup`);
    await expect(page.getByRole("button", make)).toBeVisible();
    await expectAccessible(page, info, "setup-none");
    await authenticator.recognises(false);
    await page.getByRole("button", make).click();
    await expect(page.getByText(/No passkey was made. It was cancelled, or you were not recognised/)).toBeVisible();
    await expectAccessible(page, info, "setup-refused");
    await authenticator.recognises(true);
    await makePasskey(page, origin);
    await expect(passkeyRows(page)).toHaveText([/^Anna’s phone \(this device\)Made today · Not used yet/]);
    await page.getByRole("button", make).click();
    await expect(page.getByText(/This device has its passkey already/)).toBeVisible();
    expect(await authenticator.passkeys()).toHaveLength(1);
    await expectAccessible(page, info, "setup-one");

    await page.context().clearCookies();
    await page.goto(origin);
    await expect(page.getByRole("button", signIn)).toBeVisible();
    await expectAccessible(page, info, "pair");
    await authenticator.recognises(false);
    await page.getByRole("button", signIn).click();
    await expect(page.getByText(/You are not signed in. .* you were not recognised/)).toBeVisible();
    await expect(page.getByRole("heading", notPaired)).toBeVisible();
    await expect(page.getByLabel("Code", { exact: true })).toBeVisible();
    await expectAccessible(page, info, "pair-refused");
    await authenticator.recognises(true);
    await page.getByRole("button", signIn).click();
    await expect(welcome(page)).toBeVisible();

    await page.goto(`${origin}/setup`);
    await expect(page.getByText("Anna’s phone, by passkey (this device)")).toBeVisible();
    await expect(passkeyRows(page)).toHaveText([/^Anna’s phoneMade today · Last used just now/]);

    // Where links of invitations lead, too.
    await page.context().clearCookies();
    await page.goto(`${origin}/pair`);
    await expect(page.getByRole("button", signIn)).toBeVisible();
    await expectAccessible(page, info, "pair-by-link");
    await page.getByRole("button", signIn).click();
    await expect(welcome(page)).toBeVisible();
  });
}

test("a passkey goes where its owner goes, and a removed one opens nothing", async ({ page, platform }, info) => {
  await platform.ctl("start");
  const origin = localhost(platform);
  const authenticator = await Authenticator.in(page);
  await pairByCode(page, platform, origin, "Anna’s phone");
  await makePasskey(page, origin);

  // Another browser of the same owner, of the kind that does not speak WebAuthn's JSON.
  const other = await page.context().browser()?.newContext({ viewport: layouts.phone });
  const second = await other?.newPage();
  if (!other || !second) throw new Error("no second browser");
  await second.addInitScript(() => {
    const kind = PublicKeyCredential as unknown as Record<string, unknown>;
    delete kind["parseCreationOptionsFromJSON"];
    delete kind["parseRequestOptionsFromJSON"];
    delete (PublicKeyCredential.prototype as unknown as Record<string, unknown>)["toJSON"];
  });
  const computer = await Authenticator.in(second);
  await authenticator.shareWith(computer);
  await second.goto(origin);
  await second.getByRole("button", signIn).click();
  await expect(welcome(second)).toBeVisible();
  await makePasskey(second, origin);
  await expect(passkeyRows(second)).toHaveCount(2);
  await expectAccessible(second, info, "setup-two");

  // Both of the owner's passkeys are removed; who is in stays in.
  await page.reload();
  for (const left of [1, 0]) {
    await page.getByRole("button", { name: /^Remove the passkey/ }).first().click();
    if (left === 1) await expectAccessible(page, info, "setup-removing");
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await expect(passkeyRows(page)).toHaveCount(left);
  }
  await expect(page.getByText(/The passkey is removed/)).toBeVisible();
  await expectAccessible(page, info, "setup-removed");
  await second.reload();
  await expect(second.getByRole("heading", { name: "Who has access" })).toBeVisible();

  await other.clearCookies();
  await second.goto(origin);
  const trouble = second.getByRole("region", { name: "Have you been here before?" }).getByRole("alert");
  for (let wrong = 1; wrong <= mostWrong; wrong += 1) {
    await second.getByRole("button", signIn).click();
    const expected = wrong < mostWrong ? /The hub does not know this passkey/ : /Too many tries. Wait 1 minute/;
    await expect(trouble).toHaveText(expected);
    if (wrong === 1) await expectAccessible(second, info, "pair-unknown");
  }
  await expect(second.getByLabel("Code", { exact: true })).toBeVisible();
  await expectAccessible(second, info, "pair-locked-out");
  await other.close();
});

test("where no passkey is possible none is offered, and Setup says why", async ({ page, platform }, info) => {
  await page.setViewportSize(layouts.phone);
  await platform.ctl("start");
  // An address is no name, and this machine's own in the network is not encrypted either.
  for (const origin of [platform.origin, platform.networkOrigin]) {
    await page.goto(origin);
    await expect(page.getByRole("heading", notPaired)).toBeVisible();
    await expect(page.getByText(/passkey/i)).toHaveCount(0);
  }
  await expectAccessible(page, info, "pair-without");
  await pairByCode(page, platform, platform.networkOrigin, "Phone");
  await page.goto(`${platform.networkOrigin}/setup`);
  await expect(page.getByText(/Passkeys need a domain name/)).toHaveCount(1);
  await expect(page.getByRole("button", make)).toHaveCount(0);
  await expectAccessible(page, info, "setup-without");

  // Everybody passes by the tablet on the wall.
  await page.context().clearCookies();
  await Authenticator.in(page);
  await pairByCode(page, platform, localhost(platform), "Kitchen", "--kiosk");
  await page.goto(`${localhost(platform)}/setup`);
  await expect(page.getByText(/None is made on the tablet on the wall/)).toBeVisible();
  await expect(page.getByRole("button", make)).toHaveCount(0);
  await expectAccessible(page, info, "setup-kiosk");
});
