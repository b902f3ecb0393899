// Who may do what: to sign in and out, one's own account, everybody's, and what is offered to whom.

import { createHmac } from "node:crypto";
import { ACCOUNT, alive, expect, expectNoSidewaysScroll, test } from "./site.js";

const PASSWORD = "mQ8-tuz4-pLx-2";

/** The code of an app that knows a secret, of a step of 30 s from this one (RFC 6238). */
function code(secret, steps = 0) {
  const bits = [...secret].map((sign) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(sign).toString(2).padStart(5, "0"));
  const key = Buffer.from(bits.join("").match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac("sha1", key).update(counter).digest();
  const number = hash.readUInt32BE(hash.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

/** A browser that nobody has signed in. */
async function stranger(browser, site) {
  const context = await browser.newContext({ locale: "en-GB", baseURL: site });
  return context.newPage();
}

async function enter(page, name, password) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("what is refused is not offered; one signs in and is led back, and out again", async ({ browser, site }) => {
  const page = await stranger(browser, site);
  await page.goto("/settings/");
  await alive(page);
  const save = page.getByRole("button", { name: "Save" });
  await expect(save).toHaveAttribute("aria-disabled", "true");
  await expect(save).toHaveAttribute("title", "Sign in first");
  await page.goto("/records/");
  await expect(page.getByRole("columnheader", { name: "Card", exact: true })).toHaveCount(0);
  await page.goto("/details/?span=1h");
  await expect(page.locator("#frames")).toHaveCount(0);
  await page.getByRole("banner").getByRole("link", { name: "Sign in" }).click();
  await enter(page, ACCOUNT.username, "wrong");
  await expect(page.getByRole("alert")).toContainText("Name or password is wrong.");
  await enter(page, ACCOUNT.username, ACCOUNT.password);
  await expect(page).toHaveURL(/\/details\/\?span=1h$/);
  await alive(page);
  await expect(page.locator("#frames")).toBeVisible();
  await page.getByRole("banner").getByText(ACCOUNT.username).first().click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/overview\//);
  await expect(page.getByRole("banner").getByRole("link", { name: "Sign in" })).toBeVisible();
  await page.context().close();
});

test("an administrator adds an operator, who may command and no more", async ({ browser, page, site }) => {
  await page.goto("/settings/");
  await alive(page);
  await page.getByRole("link", { name: "Users" }).click();
  const add = page.locator("#user-form");
  await add.getByLabel("Name").fill("operator");
  await add.getByLabel("Password").fill(PASSWORD);
  await add.getByLabel("Role").selectOption("operator");
  await add.getByRole("button", { name: "Add a user" }).click();
  await expect(page.getByRole("rowheader", { name: "operator", exact: true })).toBeVisible();
  const other = await stranger(browser, site);
  await other.goto("/log_in/?next=/settings/");
  await enter(other, "operator", PASSWORD);
  await alive(other);
  await expect(other.getByRole("button", { name: "Save" })).toHaveAttribute("title", "Your role does not allow this");
  await expect(other.getByRole("link", { name: "Users" })).toHaveCount(0);
  await other.goto("/devices/");
  await expect(other.getByRole("button", { name: "Reset", exact: true }).first()).not.toHaveAttribute("title", /role/);
  await other.goto("/account/");
  const tokens = other.locator("#tokens");
  await tokens.getByLabel("What for").fill("meter");
  await tokens.getByLabel("Current password").fill("wrong");
  await tokens.getByRole("button", { name: "Make a token" }).click();
  await expect(other.getByRole("alert")).toContainText("Name or password is wrong.");
  await expect(tokens.getByLabel("What for")).toHaveValue("meter");
  await tokens.getByLabel("Current password").fill(PASSWORD);
  await tokens.getByRole("button", { name: "Make a token" }).click();
  await expect(other.locator("code.token")).toHaveText(/^[0-9a-f]{64}$/);
  await other.getByRole("button", { name: "Revoke" }).click();
  await expect(other.locator(".notice")).toContainText("Saved");
  // Its own name: the roles to choose from are in every row.
  const named = page.getByRole("rowheader", { name: "operator", exact: true });
  await page.locator("#user-list tr").filter({ has: named }).getByRole("button", { name: "Disable" }).click();
  await other.goto("/account/");
  await expect(other).toHaveURL(/\/log_in\//);
  await other.context().close();
});

test("a second factor is turned on, asked for at the sign-in, and turned off", async ({ browser, page, site }) => {
  await page.goto("/users/");
  const add = page.locator("#user-form");
  await add.getByLabel("Name").fill("careful");
  await add.getByLabel("Password").fill(PASSWORD);
  await add.getByRole("button", { name: "Add a user" }).click();
  await expect(page.getByRole("rowheader", { name: "careful", exact: true })).toBeVisible();
  const own = await stranger(browser, site);
  await own.goto("/log_in/?next=/account/");
  await enter(own, "careful", PASSWORD);
  const card = own.locator("#second-factor");
  await card.getByRole("button", { name: "Turn it on" }).click();
  await expect(card.getByRole("img", { name: "Scan this with your authenticator app." })).toBeVisible();
  const secret = await card.locator("code.token").first().textContent();
  await expect(card.locator("code.token").last()).toHaveText(new RegExp(`^otpauth://totp/BMW:careful\\?secret=${secret}&`));
  await card.getByLabel("Current password").fill(PASSWORD);
  // Each code is taken once: the one before serves here, and leaves those of now.
  await card.getByLabel("Code").fill(code(secret, -1));
  await card.getByRole("button", { name: "Turn it on" }).click();
  const codes = await own.locator(".recovery-codes code").allTextContents();
  expect(codes).toHaveLength(10);
  await expect(card).toContainText("10 recovery codes are left.");

  const phone = await stranger(browser, site);
  await phone.setViewportSize({ width: 360, height: 740 });
  await phone.goto("/log_in/?next=/records/");
  await enter(phone, "careful", PASSWORD);
  await expect(phone).toHaveURL(/\/log_in\/code\//);
  await expectNoSidewaysScroll(phone);
  await phone.getByLabel("Code").fill("000000");
  await phone.getByRole("button", { name: "Sign in" }).click();
  await expect(phone.getByRole("alert")).toContainText("The code is wrong");
  await phone.getByLabel("Code").fill(code(secret));
  await phone.getByRole("button", { name: "Sign in" }).click();
  await expect(phone).toHaveURL(/\/records\//);
  await expect(phone.locator("html")).toHaveAttribute("data-account", "careful");
  await phone.context().close();

  const lost = await stranger(browser, site);
  await lost.goto("/log_in/?next=/account/");
  await enter(lost, "careful", PASSWORD);
  await lost.getByLabel("Code").fill(codes[0]);
  await lost.getByRole("button", { name: "Sign in" }).click();
  await expect(lost.locator("#second-factor")).toContainText("9 recovery codes are left.");
  await lost.locator("#second-factor").getByLabel("Current password").fill(PASSWORD);
  await lost.locator("#second-factor").getByLabel("Code").fill(codes[1]);
  await lost.getByRole("button", { name: "Turn it off" }).click();
  await expect(lost.locator(".notice")).toContainText("Saved");
  await expect(lost.locator("#second-factor")).toContainText("Off");
  await lost.context().close();
  await own.context().close();
});

test("the password of a charger is made at its page, shown once, and removed", async ({ page, site }) => {
  const [id] = (await (await fetch(`${site}/api/charger/id/list/`)).json()).chargers;
  await page.goto(`/details/?charger_id=${encodeURIComponent(id)}`);
  await alive(page);
  await page.locator("#group-configuration > summary").click();
  await page.getByRole("link", { name: "Password of the charger" }).click();
  await expect(page.locator("#state")).toContainText("It has none");
  await page.getByRole("button", { name: "Make a random one" }).click();
  await expect(page.locator("code.token")).toHaveText(/^[0-9a-f]{40}$/);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSidewaysScroll(page);
  await page.goto(`/charger_password/?charger_id=${encodeURIComponent(id)}`);
  await expect(page.locator("#state")).toContainText("random");
  await expect(page.locator("code.token")).toHaveCount(0);
  await expectNoSidewaysScroll(page);
  await page.getByRole("button", { name: "Remove it" }).click();
  await expect(page.locator("#state")).toContainText("It has none");
});

for (const path of ["/log_in/", "/account/", "/users/"]) {
  test(`${path} fits a phone`, async ({ page, browser, site }) => {
    const shown = path === "/log_in/" ? await stranger(browser, site) : page;
    await shown.setViewportSize({ width: 360, height: 740 });
    await shown.goto(path);
    await expectNoSidewaysScroll(shown);
  });
}
