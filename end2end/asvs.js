// What a stranger on the network can try: every item of level 1 of the OWASP ASVS 4.0.3, on the running program, and a table of
// what came of it. Ends with 1 when an item fails.
//
//   asvs.js           BMW_TEST_BINARY   the program, default target/release/bmw

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CARD, HOSTILE, logsAndData, validation } from "./asvs/input.js";
import { api, businessLogic, configuration, files, transport } from "./asvs/outside.js";
import { accessControl, authentication, sessions } from "./asvs/people.js";
import { certificate } from "./asvs/proofs.js";
import { report } from "./asvs/report.js";
import { PASSWORD, Site } from "./asvs/site.js";

/** The documented site, with charge points of names that are none. */
function fixture() {
  const site = JSON.parse(readFileSync(new URL("../server/tests/fixtures/site-2015.json", import.meta.url), "utf8"));
  const [record] = site.charging_records;
  HOSTILE.forEach((name, index) => {
    site.chargers.push({ ...site.chargers[0], vchchargerid: name, vchserialno: name });
    const ids = {
      intrecordid: 9000 + index,
      vchchargerid: name,
      vchcardid: index === 0 ? CARD : HOSTILE[2].slice(0, 20),
    };
    site.charging_records.push({ ...record, ...ids });
  });
  return site;
}

async function open(content, args = [], site = new Site()) {
  const file = join(site.folder, "bmw.db.json");
  writeFileSync(file, JSON.stringify(content));
  site.run(["import", "--replace", file]);
  site.addAdministrator("boss");
  return site.serve(args);
}

function openByTls(content) {
  const site = new Site();
  const files = Object.entries(certificate()).map(([name, pem]) => {
    const file = join(site.folder, `bmw.db.${name}.pem`);
    writeFileSync(file, pem);
    return file;
  });
  return open(content, ["--tls-cert", files[0], "--tls-key", files[1]], site);
}

const content = fixture();
const started = [];
try {
  const site = await open(content);
  started.push(site);
  const closed = await open(content, ["--public-read", "false"]);
  started.push(closed);
  const secured = await openByTls(content);
  started.push(secured);
  const boss = await site.signIn("boss");
  const people = { administrator: boss };
  const tokens = { administrator: await site.token("boss") };
  for (const role of ["viewer", "operator"]) {
    await boss.post("/users/", { deed: "add", name: role, role, password: PASSWORD });
    people[role] = await site.signIn(role);
    tokens[role] = await site.token(role);
  }
  const answers = () => started.flatMap(({ answers }) => answers);
  const world = { site, closed, secured, boss, people, tokens, fixture: content, answers };
  for (const chapter of [
    accessControl,
    sessions,
    validation,
    transport,
    files,
    api,
    businessLogic,
    authentication,
    logsAndData,
    configuration,
  ]) {
    await chapter(world);
  }
} catch (error) {
  console.log(`${error.stack}\n`);
} finally {
  for (const site of started) await site.end();
}
// What nobody came to has failed.
process.exitCode = report() ? 0 : 1;
