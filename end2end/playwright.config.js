import { defineConfig } from "@playwright/test";

// One server and one site for each worker; see tests/site.js.
export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  // The pages are judged, not the machine: generous, so that a busy one does not fail them.
  timeout: 60_000,
  expect: {
    timeout: 15_000,
    // An age that has moved on by a second, and a letter that another version of the browser draws its own way.
    toHaveScreenshot: { maxDiffPixelRatio: 0.01 },
  },
  // Those that the README shows, see tests/pictures.spec.js. None is made by the way.
  snapshotPathTemplate: "../docs/pictures/{arg}{ext}",
  updateSnapshots: "none",
  workers: process.env.BMW_TEST_WORKERS ? Number(process.env.BMW_TEST_WORKERS) : 2,
  fullyParallel: true,
  // Once more, and named as flaky: the machine of the checks has other guests.
  retries: process.env.CI ? 1 : 0,
  reporter: [["list"]],
  use: {
    viewport: { width: 1440, height: 900 },
    locale: "en-GB",
    timezoneId: "America/New_York",
    trace: "retain-on-failure",
    // What it keeps is a test of its own, tests/yard.spec.js; the others want what the server says.
    serviceWorkers: "block",
    launchOptions: {
      executablePath: process.env.BMW_TEST_CHROMIUM || "/usr/bin/chromium",
      args: [
        "--no-sandbox",
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
