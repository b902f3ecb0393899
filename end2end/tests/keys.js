// A person without a pointer: goes from one thing to the next, and always sees where.

import { expect } from "./site.js";

/** More steps than any page has. */
const MOST = 300;

/** What has the focus: its name, and what is wrong with how that is seen. */
function focused() {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const text = (element) => element?.textContent.replace(/\s+/g, " ").trim();
  const label = it.labels?.[0]?.querySelector("span") ?? it.labels?.[0];
  const name = it.getAttribute("aria-label") || text(label) || text(it) || it.title || it.name || it.id;
  // Some are hidden behind what is seen of them.
  const seen = [it, it.nextElementSibling, it.closest("label")].filter(Boolean);
  const marked = seen.find((element) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  });
  const wrong = [];
  if (!marked) wrong.push("it has no outline");
  const box = (marked ?? it).getBoundingClientRect();
  const at = [0.1, 0.5, 0.9];
  const isSeen = at.some((x) =>
    at.some((y) => {
      const top = document.elementFromPoint(box.left + x * box.width, box.top + y * box.height);
      return top && seen.some((element) => element.contains(top) || top.contains(element));
    }),
  );
  if (!isSeen) wrong.push("it is covered, or outside of what is seen");
  return { name, wrong };
}

/** A person with nothing but keys on this page. */
export function byKeys(page) {
  const press = (key) => page.keyboard.press(key);
  const now = () => page.evaluate(focused);
  const is = (name, wanted) => (wanted instanceof RegExp ? wanted.test(name) : name === wanted);
  const go = async (key, wanted) => {
    const passed = [];
    for (let step = 0; step < MOST; step += 1) {
      await press(key);
      const here = await now();
      if (!here) continue;
      if (here.wrong.length > 0) {
        // It may still be on its way there.
        const wrong = async () => (await now())?.wrong;
        await expect.poll(wrong, { message: `"${here.name}" has the focus`, timeout: 3_000 }).toEqual([]);
      }
      if (is(here.name, wanted)) return;
      passed.push(here.name);
    }
    throw new Error(`no way leads to "${wanted}", but to: ${passed.join(", ")}`);
  };
  return {
    press,
    /** Tab by tab to what has this name. */
    to: (name) => go("Tab", name),
    backTo: (name) => go("Shift+Tab", name),
    /** Goes there and presses it; of several that are called alike, the one within this. */
    choose: async (name, within = page.locator("html")) => {
      const isThere = () => within.evaluate((element) => element.contains(document.activeElement));
      do await go("Tab", name);
      while (!(await isThere()));
      await press("Enter");
    },
    /** Goes to a field and types into it, in the place of what is there. */
    enter: async (name, text) => {
      await go("Tab", name);
      await press("ControlOrMeta+a");
      await page.keyboard.type(text);
    },
    /** Where the focus is. */
    expectAt: async (name) => expect.poll(async () => (await now())?.name, { message: `at "${name}"` }).toMatch(name),
  };
}
