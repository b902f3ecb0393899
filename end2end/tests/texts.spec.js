// What is written can be read: on no page, width and language is a text cut off, broken in the middle of a word, over the edge of its
// card, or on another one.

import { ACCOUNT, alive, expect, framed, livePages, stillPages, test } from "./site.js";

/** Phones, a tablet upright and lying, a desk. */
const WIDTHS = [360, 390, 768, 1024, 1440];

/** What cannot be read, by its text and why. */
function unreadable() {
  const found = new Set();
  const short = (text) => text.trim().slice(0, 40);
  const isHidden = (element) =>
    element !== document.body &&
    ((element.offsetWidth <= 1 && getComputedStyle(element).overflowX !== "visible") || isHidden(element.parentElement));
  const isAbove = (element) =>
    element !== document.body &&
    (["fixed", "sticky"].includes(getComputedStyle(element).position) || isAbove(element.parentElement));

  /** What is left of a text's boxes where those around it show no more. */
  function shown(element, boxes, text) {
    for (let around = element; around !== document.body; around = around.parentElement) {
      const { overflowX, textOverflow } = getComputedStyle(around);
      if (overflowX === "visible") continue;
      const { left, right, top, bottom } = around.getBoundingClientRect();
      // What says by dots that it goes on is whole, and a table of figures is scrolled.
      const isSaid = textOverflow === "ellipsis" || around.querySelector(":scope > .plain");
      if (!isSaid && boxes.some((box) => box.left < left - 1 || box.right > right + 1)) found.add(`cut off: ${short(text)}`);
      boxes = boxes
        .map((box) => ({
          left: Math.max(box.left, left),
          right: Math.min(box.right, right),
          top: Math.max(box.top, top),
          bottom: Math.min(box.bottom, bottom),
        }))
        .filter((box) => box.left < box.right && box.top < box.bottom);
    }
    return boxes;
  }

  const range = document.createRange();
  const boxesOf = (node, start, end) => {
    range.setStart(node, start);
    range.setEnd(node, end);
    return [...range.getClientRects()].filter(({ width, height }) => width > 1 && height > 1);
  };
  const texts = [];
  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const { currentNode: node } = nodes;
    const element = node.parentElement;
    // Charts have tests of their own, and words of the protocol may be as long as they like.
    if (node.data.trim() === "" || element.closest("svg:not(.plan), script, style, select, textarea, code")) continue;
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || isHidden(element)) continue;
    const boxes = boxesOf(node, 0, node.length);
    for (const { 0: word, index } of node.data.matchAll(/(?<!\S)\p{Script=Latin}{3,}(?!\S)/gu)) {
      const lines = new Set(boxesOf(node, index, index + word.length).map(({ top }) => Math.round(top)));
      if (lines.size > 1) found.add(`broken: ${word} in ${short(node.data)}`);
    }
    const card = element.closest(".card");
    if (card && !element.closest(".scroll, .table-box")) {
      const edge = card.getBoundingClientRect().right - parseFloat(getComputedStyle(card).paddingRight);
      // Half of a bracket that closes is empty.
      const most = edge + (/[）】。，、]\s*$/u.test(node.data) ? 8 : 1);
      if (boxes.some(({ right }) => right > most)) found.add(`over the edge: ${short(node.data)}`);
    }
    const left = shown(element, boxes, node.data);
    if (!isAbove(element)) texts.push([node.data, left]);
  }
  texts.forEach(([one, boxes], index) => {
    for (const [other, others] of texts.slice(index + 1)) {
      const isOn = (a, b) =>
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
      if (boxes.some((a) => others.some((b) => isOn(a, b)))) found.add(`collide: ${short(one)} / ${short(other)}`);
    }
  });
  return [...found];
}

/** Opens all that opens in its place: what opens over the page covers it. */
function openAll() {
  for (const details of document.querySelectorAll("details:not([data-menu])")) details.open = true;
}

/** Leaves entries of many words in the audit log. */
async function busyLog(page) {
  await page.goto("/records/");
  const file = await page.getByRole("link", { name: "Download CSV" }).getAttribute("href");
  expect((await page.request.get(file)).ok()).toBe(true);
  await page.goto("/charger_password/?charger_id=10245004");
  await page.getByRole("button", { name: "Make a random one" }).click();
  await page.goto("/charger_password/?charger_id=10245004");
  await page.getByRole("button", { name: "Remove it" }).click();
  await expect(page.locator("#state")).toContainText("It has none");
  await page.goto("/account/");
  const tokens = page.locator("#tokens");
  await tokens.getByLabel("What for").fill("meter-of-the-house");
  await tokens.getByLabel("Current password").fill(ACCOUNT.password);
  await tokens.getByRole("button", { name: "Make a token" }).click();
  const token = await page.locator("code.token").textContent();
  const answer = await fetch(new URL(file, page.url()), { headers: { Authorization: `Bearer ${token.trim()}` } });
  expect(answer.status).toBe(200);
  await tokens.getByRole("button", { name: "Revoke" }).first().click();
  await expect(tokens.getByText("meter-of-the-house")).toHaveCount(0);
}

for (const { path, en } of [...livePages, ...stillPages.filter(({ path }) => path !== "/log_in/")]) {
  test(`${en}: every text is whole`, async ({ page, site }) => {
    if (path === "/audit/") await busyLog(page);
    for (const lang of ["en", "zh"]) {
      await page.context().addCookies([{ name: "lang", value: lang, url: site }]);
      await page.goto(path);
      if (livePages.some((page) => page.path === path)) await alive(page);
      await page.evaluate(openAll);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        await page.evaluate(framed);
        expect.soft(await page.evaluate(unreadable), `${lang}, ${width} px`).toEqual([]);
      }
    }
  });
}
