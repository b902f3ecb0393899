// Pages as a phone on a slow line shows them: npm `lighthouse` with its own profile of one.
//
//   pages.js BROWSER ADDRESS RUNS
//
// Prints a line of JSON for each page: the marks, 0–100; the largest paint and the blocking time, ms; the shift. Of several runs the
// median of each. `why` has what keeps a mark from 100.

import lighthouse from "lighthouse";
import { withBrowser } from "./browser.js";

const [executable, address, runs] = process.argv.slice(2);
const PAGES = ["overview", "devices", "details", "records", "settings"];
const TRIES = 3;

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** What counts and is not as it should be. */
function* short({ categories, audits }) {
  for (const { id, score, auditRefs } of Object.values(categories)) {
    if (score === 1) continue;
    for (const { id: audit, weight } of auditRefs) {
      const { score, displayValue = "" } = audits[audit];
      if (weight > 0 && score !== null && score < 1) yield `${id}: ${audit} ${displayValue}`.trim();
    }
  }
}

/** A run that was measured. Now and then the browser's trace lacks the beginning of the page: then nothing was, and it is run again. */
async function measured(url, port) {
  for (let tries = 1; ; tries += 1) {
    const { lhr } = await lighthouse(url, { port, logLevel: "error" });
    if (!lhr.runtimeError) return lhr;
    const { code, message } = lhr.runtimeError;
    if (code !== "NO_NAVSTART" || tries === TRIES) throw new Error(`${url}: ${message}`);
    console.error(`${url}: ${code}, run again`);
  }
}

await withBrowser(executable, async (browser) => {
  const { port } = new URL(browser.wsEndpoint());
  for (const name of PAGES) {
    const results = [];
    for (let run = 0; run < Number(runs); run += 1) {
      results.push(await measured(`${address}/${name}/`, Number(port)));
    }
    const mark = (category) => Math.round(median(results.map(({ categories }) => categories[category].score * 100)));
    const figure = (audit) => median(results.map(({ audits }) => audits[audit].numericValue));
    console.log(
      JSON.stringify({
        page: name,
        performance: mark("performance"),
        accessibility: mark("accessibility"),
        practices: mark("best-practices"),
        seo: mark("seo"),
        paint: Math.round(figure("largest-contentful-paint")),
        blocking: Math.round(figure("total-blocking-time")),
        shift: Number(figure("cumulative-layout-shift").toFixed(3)),
        why: [...new Set(results.flatMap((result) => [...short(result)]))].join("; "),
      }),
    );
  }
});
