// What came of each item.

/** Every item of level 1 of the OWASP ASVS 4.0.3: chapter, section, and the numbers in it. */
const LEVEL_1 = {
  2.1: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  2.2: [1, 2, 3],
  2.3: [1],
  2.5: [1, 2, 3, 4, 5, 6],
  2.7: [1, 2, 3, 4],
  2.8: [1],
  3.1: [1],
  3.2: [1, 2, 3],
  3.3: [1, 2],
  3.4: [1, 2, 3, 4, 5],
  3.7: [1],
  4.1: [1, 2, 3, 5],
  4.2: [1, 2],
  4.3: [1, 2],
  5.1: [1, 2, 3, 4, 5],
  5.2: [1, 2, 3, 4, 5, 6, 7, 8],
  5.3: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  5.5: [1, 2, 3, 4],
  6.2: [1],
  7.1: [1, 2],
  7.4: [1],
  8.2: [1, 2, 3],
  8.3: [1, 2, 3, 4],
  9.1: [1, 2, 3],
  10.3: [1, 2, 3],
  11.1: [1, 2, 3, 4, 5],
  12.1: [1],
  12.3: [1, 2, 3, 4, 5],
  12.4: [1, 2],
  12.5: [1, 2],
  12.6: [1],
  13.1: [1, 3],
  13.2: [1, 2, 3],
  13.3: [1],
  14.2: [1, 2, 3],
  14.3: [2, 3],
  14.4: [1, 2, 3, 4, 5, 6, 7],
  14.5: [1, 2, 3],
};
const ids = Object.entries(LEVEL_1).flatMap(([section, numbers]) => numbers.map((number) => `${section}.${number}`));

const rows = new Map();

function note(id, result, text) {
  if (!ids.includes(id) || rows.has(id)) throw new Error(`${id} is no item of level 1, or is there twice`);
  rows.set(id, { result, text });
}

async function judged(id, result, text, attempt) {
  try {
    await attempt();
    note(id, result, text);
  } catch (error) {
    note(id, "FAIL", `${text}: ${error.message}`);
  }
}

/** An item that is tried: what, and the trying. */
export const tried = (id, text, attempt) => judged(id, "pass", text, attempt);

/** An item that is not kept as it stands: what is so instead, and why; and a look whether that is still so. */
export const differs = (id, text, attempt = () => {}) => judged(id, "differs", text, attempt);

/** An item that there is nothing to try for, and why. */
export const notApplicable = (id, reason) => note(id, "n/a", reason);

/** Prints the table, and tells whether nothing failed. */
export function report() {
  for (const id of ids.filter((id) => !rows.has(id))) rows.set(id, { result: "FAIL", text: "nobody has looked at it" });
  const counts = {};
  const byNumber = (a, b) => ids.indexOf(a[0]) - ids.indexOf(b[0]);
  console.log("OWASP ASVS 4.0.3, level 1\n");
  for (const [id, { result, text }] of [...rows].sort(byNumber)) {
    counts[result] = (counts[result] ?? 0) + 1;
    console.log(`V${id.padEnd(8)}${result.padEnd(9)}${text.replace(/\s+/g, " ")}`);
  }
  const { pass = 0, FAIL: failed = 0, differs: different = 0, "n/a": none = 0 } = counts;
  console.log(
    `\n${ids.length} items: ${pass} passed, ${failed} failed, ${different} differ for a reason, ${none} do not apply`,
  );
  return failed === 0;
}
