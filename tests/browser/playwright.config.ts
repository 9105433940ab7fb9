import { defineConfig } from "@playwright/test";

/** Debian's browser: none is downloaded. */
const chromium = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

export default defineConfig({
  testDir: ".",
  // The README's pictures are taken on demand.
  testIgnore: process.env["PICTURES"] === undefined ? "pictures.spec.ts" : [],
  // Each test runs a whole platform of its own, and there may be two cores.
  workers: 1,
  // A test that passes only the second time has found a bug.
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  use: {
    locale: "en-US",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: chromium,
      chromiumSandbox: false,
      // Nothing here may look for hosts outside this machine.
      args: [
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
