// Chargers by a client that is not ours, against the program on a site of its own.

import { createRPCError } from "ocpp-rpc";
import { Charger, ID, now } from "./charger.js";
import { authorized, expect, testChargers as test } from "./site.js";

/** What the documented interface says of the charger. */
async function details(site, id = ID) {
  const response = await fetch(`${site}/api/charger/details/?charger_id=${encodeURIComponent(id)}`);
  expect(response.status).toBe(200);
  return (await response.json()).result;
}

async function command(site, command, args = {}, headers = {}) {
  const response = await fetch(`${site}/api/charger/command/`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(await authorized(site)), ...headers },
    body: JSON.stringify({ vchchargerid: ID, command, arguments: args }),
  });
  return { status: response.status, ...(await response.json()) };
}

/** What only those see who have a role. */
const ask = async (site, path) => fetch(site + path, { headers: await authorized(site) });

const stateOf = async (site, { id }) => (await (await ask(site, `/api/charger/command/${id}/`)).json()).state;

const states = (command) => command.history.map((step) => step.state);

test("a charger that nobody knows is turned away", async ({ strictSite }) => {
  const charger = new Charger(strictSite);
  await expect(charger.plugIn()).rejects.toThrow("Not Found");
});

test("a whole life: boot, authorize, start, three phases, suspend, stop", async ({ openSite }) => {
  const charger = await new Charger(openSite).plugIn();
  const boot = await charger.boot();
  expect(boot.status).toBe("Accepted");
  expect(boot.interval).toBe(60);
  expect(Math.abs(new Date(boot.currentTime) - Date.now())).toBeLessThan(60_000);
  expect(await details(openSite)).toMatchObject({ vchstate: "BootUp", vchFirmwareVer: "1.0" });
  await charger.status("Available");
  expect((await charger.call("Authorize", { idTag: "card1" })).idTagInfo.status).toBe("Accepted");
  await charger.status("Preparing");
  expect((await details(openSite)).vchstate).toBe("PreParing");
  const { transactionId, idTagInfo } = await charger.start(100_000);
  expect(idTagInfo.status).toBe("Accepted");
  await charger.meter(transactionId, 100_000, [0, 0, 0]);
  await charger.meter(transactionId, 100_350, [15.6, 15.4, 0.1]);
  expect(await details(openSite)).toMatchObject({
    vchstate: "Charging",
    intchargingcurrent: 16,
    intcurrentfeedback: 16,
    intconsumedenergy: 350,
    intchargingphase: 2,
    vchcommand: "MeterValues",
  });
  for (const [status, shown] of [["SuspendedEV", "SupsendedEV"], ["Charging", "Charging"], ["SuspendedEVSE", "SuspendedEVSE"]]) {
    await charger.status(status);
    expect((await details(openSite)).vchstate).toBe(shown);
  }
  await charger.stop(transactionId, 100_500);
  expect(await details(openSite)).toMatchObject({ vchstate: "StopCharging", dblAccumlatedPower: 0.5 });
  const recent = await (await fetch(`${openSite}/api/recent/charging/record/list/`)).json();
  expect(JSON.stringify(recent)).toContain(`${transactionId}`);
  await charger.pullOut();
});

test("the same start and the same stop are answered alike, also after the connection was lost", async ({ openSite }) => {
  const charger = await new Charger(openSite).plugIn();
  const began = now(-600_000);
  const first = await charger.start(1_000, began);
  const again = await new Charger(openSite).plugIn();
  expect((await again.start(1_000, began)).transactionId).toBe(first.transactionId);
  const ended = now();
  await again.stop(first.transactionId, 3_000, ended);
  await again.stop(first.transactionId, 3_000, ended);
  expect((await details(openSite)).dblAccumlatedPower).toBe(2);
  await again.pullOut();
});

test("sessions queued offline keep their own times, hundreds at once", async ({ openSite }) => {
  const before = await new Charger(openSite).plugIn();
  await before.boot();
  await before.pullOut();
  const charger = await new Charger(openSite).plugIn();
  // No message waits for the answer to the one before: the numbers are those that the starts will get.
  charger.client.reconfigure({ callConcurrency: Infinity });
  const starts = [];
  const others = [];
  for (let number = 0; number < 125; number += 1) {
    const at = (minutes) => new Date(Date.UTC(2025, 0, 1, number, minutes)).toISOString();
    const register = number * 1_000;
    starts.push(charger.start(register, at(0)));
    for (const minutes of [10, 20]) others.push(charger.meter(number + 1, register + minutes * 30, [16, 16, 16], at(minutes)));
    others.push(charger.stop(number + 1, register + 1_000, at(30)));
  }
  const started = await Promise.all(starts);
  expect(started.map((answer) => answer.transactionId)).toEqual(Array.from({ length: 125 }, (_, number) => number + 1));
  await Promise.all(others);
  expect((await details(openSite)).dblAccumlatedPower).toBe(125);
  const days = await (await fetch(`${openSite}/bmw/chart/getAllRecentChargerRecords/?mode=1&offset=3`)).json();
  expect(days.total).toBe(125);
  await charger.pullOut();
});

test("commands reach the charger and are watched until they take effect", async ({ openSite }) => {
  const charger = await new Charger(openSite).plugIn();
  await charger.boot();
  await charger.status("Available");
  const start = await command(openSite, "RemoteStartTransaction");
  expect(start.status).toBe(202);
  expect(await charger.toBeAsked("RemoteStartTransaction")).toEqual({ connectorId: 1, idTag: "OPERATOR" });
  await expect.poll(() => stateOf(openSite, start)).toBe("accepted");
  expect((await details(openSite)).vchstate).toBe("RemoteCharging");
  const { transactionId } = await charger.start(0);
  await expect.poll(() => stateOf(openSite, start)).toBe("effective");
  const stop = await command(openSite, "RemoteStopTransaction");
  expect(await charger.toBeAsked("RemoteStopTransaction")).toEqual({ transactionId });
  await expect.poll(() => stateOf(openSite, stop)).toBe("accepted");
  await charger.stop(transactionId, 10);
  await expect.poll(() => stateOf(openSite, stop)).toBe("effective");
  const life = await (await ask(openSite, `/api/charger/command/${stop.id}/`)).json();
  expect(states(life)).toEqual(["queued", "sent", "accepted", "effective"]);
  expect(life).toMatchObject({ vchchargerid: ID, command: "RemoteStopTransaction", result: { status: "Accepted" } });
  const reset = await command(openSite, "Reset");
  expect(await charger.toBeAsked("Reset")).toEqual({ type: "Soft" });
  await expect.poll(async () => (await details(openSite)).vchstate).toBe("Reboot");
  await charger.boot();
  await expect.poll(() => stateOf(openSite, reset)).toBe("effective");
  await charger.pullOut();
});

test("every other command is asked for and answered", async ({ openSite }) => {
  const charger = await new Charger(openSite).plugIn();
  await charger.boot();
  await charger.status("Available");
  charger.replies = {
    UnlockConnector: { status: "Unlocked" },
    GetConfiguration: { configurationKey: [{ key: "HeartbeatInterval", readonly: false, value: "60" }] },
    GetDiagnostics: { fileName: "log.zip" },
    GetLocalListVersion: { listVersion: 3 },
    UpdateFirmware: {},
  };
  const profile = {
    chargingProfileId: 1,
    stackLevel: 0,
    chargingProfilePurpose: "TxDefaultProfile",
    chargingProfileKind: "Relative",
    chargingSchedule: { chargingRateUnit: "A", chargingSchedulePeriod: [{ startPeriod: 0, limit: 10 }] },
  };
  const answered = [
    ["ClearCache", {}],
    ["UnlockConnector", {}],
    ["ChangeConfiguration", { key: "HeartbeatInterval", value: "30" }],
    ["GetConfiguration", {}],
    ["GetLocalListVersion", {}],
    ["SendLocalList", {}],
    ["SetChargingProfile", { csChargingProfiles: profile }],
    ["ClearChargingProfile", {}],
    ["GetCompositeSchedule", {}],
    ["CancelReservation", { reservationId: 1 }],
    ["DataTransfer", { vendorId: "Vendor" }],
  ];
  for (const [name, args] of answered) {
    const given = await command(openSite, name, args);
    expect(given.status, JSON.stringify(given)).toBe(202);
    await expect.poll(() => stateOf(openSite, given), { message: name }).toBe("effective");
  }
  const firmware = await command(openSite, "UpdateFirmware", { location: "http://10.0.0.1/fw.bin" });
  await charger.toBeAsked("UpdateFirmware");
  await charger.call("FirmwareStatusNotification", { status: "Downloading" });
  expect((await details(openSite)).vchstate).toBe("Updating");
  await charger.call("FirmwareStatusNotification", { status: "Installed" });
  await expect.poll(() => stateOf(openSite, firmware)).toBe("effective");
  const diagnostics = await command(openSite, "GetDiagnostics", { location: "ftp://10.0.0.1/" });
  await charger.toBeAsked("GetDiagnostics");
  await charger.call("DiagnosticsStatusNotification", { status: "Uploaded" });
  await expect.poll(() => stateOf(openSite, diagnostics)).toBe("effective");
  const trigger = await command(openSite, "TriggerMessage", { requestedMessage: "Heartbeat" });
  await charger.toBeAsked("TriggerMessage");
  await charger.call("Heartbeat");
  await expect.poll(() => stateOf(openSite, trigger)).toBe("effective");
  const availability = await command(openSite, "ChangeAvailability", { type: "Inoperative" });
  await charger.toBeAsked("ChangeAvailability");
  await charger.status("Unavailable");
  await expect.poll(() => stateOf(openSite, availability)).toBe("effective");
  const reservation = await command(openSite, "ReserveNow", { expiryDate: now(3_600_000) });
  await charger.toBeAsked("ReserveNow");
  await charger.status("Reserved");
  await expect.poll(() => stateOf(openSite, reservation)).toBe("effective");
  await charger.pullOut();
});

test("diagnostics come to the site, and an upload that came is an effect seen", async ({ openSite }) => {
  const charger = await new Charger(openSite).plugIn();
  await charger.boot();
  charger.replies = { GetDiagnostics: {} };
  const given = await command(openSite, "GetDiagnostics");
  const { location } = await charger.toBeAsked("GetDiagnostics");
  // It tells nothing of it.
  expect((await fetch(`${location}diag.zip`, { method: "PUT", body: "all is well" })).status).toBe(201);
  await expect.poll(() => stateOf(openSite, given)).toBe("effective");
  const told = await (await ask(openSite, `/api/charger/command/${given.id}/`)).json();
  expect(told.arguments.location).toBe(`${openSite}/ocpp/upload/`);
  const page = await (await ask(openSite, `/details/?charger_id=${encodeURIComponent(ID)}`)).text();
  const [, path] = page.match(/href="(\/details\/diagnostics\/\d+)"/);
  const download = await ask(openSite, path);
  expect(download.headers.get("content-disposition")).toContain('filename="diag.zip"');
  expect(await download.text()).toBe("all is well");
  await charger.pullOut();
  // The site notices a moment later; until then it is on its way to nobody.
  await expect.poll(async () => (await command(openSite, "GetDiagnostics")).status).toBe(400);
  expect(await command(openSite, "GetDiagnostics")).toMatchObject({ status: 400, location: [expect.any(String)] });
});

test("what becomes of a command that is refused, or cannot be given", async ({ openSite }) => {
  expect((await command(openSite, "Reset")).status).toBe(404);
  const charger = await new Charger(openSite).plugIn();
  await charger.boot();
  charger.replies = { Reset: { status: "Rejected" }, ClearCache: createRPCError("NotSupported") };
  const rejected = await command(openSite, "Reset", { type: "Hard" });
  await expect.poll(() => stateOf(openSite, rejected)).toBe("rejected");
  const failed = await command(openSite, "ClearCache");
  await expect.poll(() => stateOf(openSite, failed)).toBe("failed");
  expect(await command(openSite, "Reset", { type: "Gentle" })).toMatchObject({ status: 400, type: [expect.any(String)] });
  expect(await command(openSite, "RemoteStopTransaction")).toMatchObject({ status: 400, transactionId: ["This field is required."] });
  expect(await command(openSite, "Dance")).toMatchObject({ status: 400, command: ["Not a valid choice."] });
  const key = { "Idempotency-Key": "once" };
  const once = await command(openSite, "TriggerMessage", { requestedMessage: "Heartbeat" }, key);
  expect((await command(openSite, "TriggerMessage", { requestedMessage: "Heartbeat" }, key)).id).toBe(once.id);
  expect((await command(openSite, "Reset", {}, key)).status).toBe(409);
  await charger.pullOut();
  await expect.poll(async () => stateOf(openSite, await command(openSite, "GetConfiguration"))).toBe("offline");
});

test("no common subprotocol ends the connection, and none at all is taken as ours", async ({ openSite }) => {
  const other = new Charger(openSite, ID, ["ocpp2.0.1"]);
  await expect(other.plugIn()).rejects.toThrow();
  const silent = await new Charger(openSite, ID, []).plugIn();
  expect((await silent.call("Heartbeat")).currentTime).toBeTruthy();
  await silent.pullOut();
});

test("what is no message of ours is refused by name, and closes nothing", async ({ openSite }) => {
  const charger = await new Charger(openSite, ID, []).plugIn();
  await expect(charger.call("Dance")).rejects.toMatchObject({ rpcErrorCode: "NotImplemented" });
  await expect(charger.call("Reset", { type: "Soft" })).rejects.toMatchObject({ rpcErrorCode: "NotSupported" });
  await expect(charger.call("StartTransaction", { connectorId: 1 })).rejects.toMatchObject({
    rpcErrorCode: "FormationViolation",
  });
  charger.client.sendRaw("this is no JSON");
  expect((await charger.call("Heartbeat")).currentTime).toBeTruthy();
  await charger.pullOut();
});

test("a charger with a password comes in with it alone, as digits or as the bytes that they stand for", async ({ strictSite }) => {
  const headers = { "Content-Type": "application/json", ...(await authorized(strictSite)) };
  const admitted = new URLSearchParams({ command: "admit", c0: ID, back: "/devices/" });
  await fetch(`${strictSite}/fn/command`, { method: "POST", headers: await authorized(strictSite), body: admitted, redirect: "manual" });
  const body = JSON.stringify({ vchchargerid: ID, action: "random" });
  const made = await fetch(`${strictSite}/api/charger/password/`, { method: "POST", headers, body });
  expect(made.status).toBe(200);
  const { password } = await made.json();
  const come = (password) => new Charger(strictSite, ID, ["ocpp1.6"], password).plugIn();
  for (const wrong of [undefined, "", "0123456789abcdef"]) await expect(come(wrong)).rejects.toThrow("Unauthorized");
  for (const right of [password, password.toUpperCase(), Buffer.from(password, "hex")]) {
    const charger = await come(right);
    expect((await charger.boot()).status).toBe("Accepted");
    await charger.pullOut();
  }
});
