"""A charge point made with the PyPI package `ocpp` lives its whole life against the program.

    charger.py        BMW_TEST_BINARY   the program, default target/release/bmw
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result

PROGRAM = os.environ.get("BMW_TEST_BINARY", Path(__file__).parent.parent / "target/release/bmw")
ID = "PY 001"
PATIENCE = 20


def now(seconds=0):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()


class Charger(ChargePoint):
    """Obeys, and remembers what it was asked."""

    def __init__(self, connection):
        super().__init__(ID, connection)
        self.asked = asyncio.Queue()

    def _note(self, action, answer):
        self.asked.put_nowait(action)
        return answer

    @on("RemoteStartTransaction")
    def on_start(self, **_):
        return self._note("RemoteStartTransaction", call_result.RemoteStartTransaction(status="Accepted"))

    @on("RemoteStopTransaction")
    def on_stop(self, **_):
        return self._note("RemoteStopTransaction", call_result.RemoteStopTransaction(status="Accepted"))

    @on("Reset")
    def on_reset(self, **_):
        return self._note("Reset", call_result.Reset(status="Accepted"))

    @on("ChangeConfiguration")
    def on_configure(self, **_):
        return call_result.ChangeConfiguration(status="NotSupported")

    @on("UnlockConnector")
    def on_unlock(self, **_):
        return self._note("UnlockConnector", call_result.UnlockConnector(status="Unlocked"))

    @on("UpdateFirmware")
    def on_update(self, **_):
        return self._note("UpdateFirmware", call_result.UpdateFirmware())

    @on("GetDiagnostics")
    def on_diagnostics(self, location, **_):
        self.location = location
        return self._note("GetDiagnostics", call_result.GetDiagnostics(file_name="log"))

    @on("TriggerMessage")
    def on_trigger(self, **_):
        return self._note("TriggerMessage", call_result.TriggerMessage(status="Accepted"))

    async def to_be_asked(self, action):
        while await asyncio.wait_for(self.asked.get(), PATIENCE) != action:
            pass

    async def status(self, status):
        await self.call(call.StatusNotification(connector_id=1, error_code="NoError", status=status, timestamp=now()))

    async def meter(self, transaction, register, amperes):
        phases = [
            {"value": str(ampere), "measurand": "Current.Import", "phase": phase, "unit": "A"}
            for phase, ampere in zip(("L1", "L2", "L3"), amperes)
        ]
        sampled = [{"value": str(register)}, *phases]
        value = [{"timestamp": now(), "sampled_value": sampled}]
        await self.call(call.MeterValues(connector_id=1, transaction_id=transaction, meter_value=value))


class Site:
    """The program on a site of its own."""

    def __init__(self, folder):
        environment = {**os.environ, "BMW_DATABASE_URL": f"sqlite://{folder}/site.db", "BMW_REGISTER_UNKNOWN": "true"}
        arguments = [PROGRAM, "serve", "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
        self.base = self.process.stdout.readline().split("listening on ")[1].strip()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0

    async def get(self, path):
        return await asyncio.to_thread(self._ask, path, None)

    async def command(self, action, **arguments):
        body = {"vchchargerid": ID, "command": action, "arguments": arguments}
        given = await asyncio.to_thread(self._ask, "/api/charger/command/", body)
        return given["id"]

    def _ask(self, path, body):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    async def details(self):
        return (await self.get("/api/charger/details/?charger_id=PY%20001"))["result"]

    async def becomes(self, command, state):
        """Waits until a command has come so far."""
        for _ in range(PATIENCE * 10):
            found = (await self.get(f"/api/charger/command/{command}/"))["state"]
            if found == state:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"command {command} is {found}, not {state}")


async def connected(site):
    url = site.base.replace("http", "ws") + "/ocpp/PY%20001"
    connection = await websockets.connect(url, subprotocols=["ocpp1.6"])
    charger = Charger(connection)
    reading = asyncio.create_task(charger.start())
    return charger, connection, reading


async def life(site):
    charger, connection, reading = await connected(site)
    boot = await charger.call(call.BootNotification(charge_point_vendor="Vendor", charge_point_model="Model"))
    assert (boot.status, boot.interval) == ("Accepted", 60), boot
    await charger.status("Available")
    authorized = await charger.call(call.Authorize(id_tag="CARD"))
    assert authorized.id_tag_info["status"] == "Accepted", authorized

    started = await charger.call(call.StartTransaction(connector_id=1, id_tag="CARD", meter_start=10, timestamp=now()))
    transaction = started.transaction_id
    await charger.meter(transaction, 10, (0, 0, 0))
    await charger.meter(transaction, 260, (9.6, 9.7, 9.5))
    details = await site.details()
    assert details["vchstate"] == "Charging" and details["intconsumedenergy"] == 250, details
    assert details["intchargingcurrent"] == 10 and details["intchargingphase"] == 3, details
    await charger.status("SuspendedEVSE")
    assert (await site.details())["vchstate"] == "SuspendedEVSE"

    # The connection is lost, and the session ends meanwhile.
    await connection.close()
    reading.cancel()
    ended = now()
    charger, connection, reading = await connected(site)
    stop = call.StopTransaction(meter_stop=510, timestamp=ended, transaction_id=transaction, reason="EVDisconnected")
    await charger.call(stop)
    await charger.call(stop)
    assert (await site.details())["dblAccumlatedPower"] == 0.5

    await charger.status("Available")
    given = await site.command("RemoteStartTransaction")
    await charger.to_be_asked("RemoteStartTransaction")
    started = await charger.call(
        call.StartTransaction(connector_id=1, id_tag="OPERATOR", meter_start=510, timestamp=now())
    )
    await site.becomes(given, "effective")
    given = await site.command("RemoteStopTransaction")
    await charger.to_be_asked("RemoteStopTransaction")
    await charger.call(
        call.StopTransaction(meter_stop=600, timestamp=now(), transaction_id=started.transaction_id, reason="Remote")
    )
    await site.becomes(given, "effective")

    given = await site.command("UnlockConnector")
    await charger.to_be_asked("UnlockConnector")
    await site.becomes(given, "effective")
    given = await site.command("UpdateFirmware", location="http://10.0.0.1/firmware")
    await charger.to_be_asked("UpdateFirmware")
    for status in ("Downloading", "Downloaded", "Installing", "Installed"):
        await charger.call(call.FirmwareStatusNotification(status=status))
    await site.becomes(given, "effective")
    given = await site.command("GetDiagnostics", location="ftp://10.0.0.1/")
    await charger.to_be_asked("GetDiagnostics")
    for status in ("Uploading", "UploadFailed"):
        await charger.call(call.DiagnosticsStatusNotification(status=status))
    await site.becomes(given, "no_effect")
    await diagnostics(site, charger)
    given = await site.command("Reset", type="Hard")
    await charger.to_be_asked("Reset")
    await charger.call(call.BootNotification(charge_point_vendor="Vendor", charge_point_model="Model"))
    await site.becomes(given, "effective")
    await connection.close()
    reading.cancel()


async def diagnostics(site, charger):
    """Uploads to where it is told to: broken off first, then whole, and not twice."""
    given = await site.command("GetDiagnostics", retries=1)
    await charger.to_be_asked("GetDiagnostics")
    assert charger.location.startswith(site.base + "/ocpp/upload/"), charger.location
    await charger.call(call.DiagnosticsStatusNotification(status="Uploading"))
    content = os.urandom(1_500_000)
    await asyncio.to_thread(break_off, charger.location, content)
    assert await asyncio.to_thread(put, charger.location + "py.bin", content) == 201
    await charger.call(call.DiagnosticsStatusNotification(status="Uploaded"))
    await site.becomes(given, "effective")
    assert await asyncio.to_thread(put, charger.location + "py.bin", content) == 404
    page = await asyncio.to_thread(read, site.base + "/details/?charger_id=PY%20001")
    assert b"py.bin" not in page and b">log<" in page.replace(b" ", b""), "the name is the one of the reply"
    link = page.split(b'href="/details/diagnostics/')[1].split(b'"')[0].decode()
    assert await asyncio.to_thread(read, f"{site.base}/details/diagnostics/{link}") == content


def put(address, content):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, content, method="PUT"), timeout=PATIENCE) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def break_off(address, content):
    url = urllib.parse.urlsplit(address)
    with socket.create_connection((url.hostname, url.port), PATIENCE) as connection:
        head = f"PUT {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {len(content)}\r\n\r\n"
        connection.sendall(head.encode() + content[: len(content) // 2])


def read(address):
    with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
        return answer.read()


def main():
    with tempfile.TemporaryDirectory() as folder:
        site = Site(folder)
        try:
            asyncio.run(life(site))
        finally:
            site.end()
    print("a charger in Python lived its whole life")


if __name__ == "__main__":
    main()
