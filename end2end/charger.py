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
import uuid
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path

import websockets
from ocpp.charge_point import remove_nones, snake_to_camel_case
from ocpp.messages import Call, CallResult, validate_payload
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result

PROGRAM = os.environ.get("BMW_TEST_BINARY", Path(__file__).parent.parent / "target/release/bmw")
ID = "PY 001"
PATIENCE = 20
PASSWORD = "kF9-wuz2-pQx-7"


def now(seconds=0):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()


SCHEDULE = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]}
PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": SCHEDULE,
}
KEY = {"key": "HeartbeatInterval", "readonly": False, "value": "60"}

# Every command of the protocol, and what is answered to it.
ANSWERS = {
    "CancelReservation": call_result.CancelReservation(status="Accepted"),
    "ChangeAvailability": call_result.ChangeAvailability(status="Scheduled"),
    "ChangeConfiguration": call_result.ChangeConfiguration(status="RebootRequired"),
    "ClearCache": call_result.ClearCache(status="Accepted"),
    "ClearChargingProfile": call_result.ClearChargingProfile(status="Accepted"),
    "DataTransfer": call_result.DataTransfer(status="Accepted", data="42"),
    "GetCompositeSchedule": call_result.GetCompositeSchedule(
        status="Accepted", connector_id=1, schedule_start="2025-01-01T00:00:00Z", charging_schedule=SCHEDULE
    ),
    "GetConfiguration": call_result.GetConfiguration(configuration_key=[KEY], unknown_key=["Other"]),
    "GetDiagnostics": call_result.GetDiagnostics(file_name="log"),
    "GetLocalListVersion": call_result.GetLocalListVersion(list_version=3),
    "RemoteStartTransaction": call_result.RemoteStartTransaction(status="Accepted"),
    "RemoteStopTransaction": call_result.RemoteStopTransaction(status="Accepted"),
    "ReserveNow": call_result.ReserveNow(status="Accepted"),
    "Reset": call_result.Reset(status="Accepted"),
    "SendLocalList": call_result.SendLocalList(status="Accepted"),
    "SetChargingProfile": call_result.SetChargingProfile(status="Accepted"),
    "TriggerMessage": call_result.TriggerMessage(status="Accepted"),
    "UnlockConnector": call_result.UnlockConnector(status="Unlocked"),
    "UpdateFirmware": call_result.UpdateFirmware(),
}


class Charger(ChargePoint):
    """Obeys, and remembers what it was asked."""

    def __init__(self, connection):
        super().__init__(ID, connection)
        self.asked = asyncio.Queue()

    async def to_be_asked(self, action, **wanted):
        """Waits for a command with at least these arguments. The site asks for some things by itself as well."""
        while True:
            asked, payload = await asyncio.wait_for(self.asked.get(), PATIENCE)
            if asked == action and payload.items() >= wanted.items():
                return payload

    async def status(self, name):
        await self.call(status(name))

    async def at_once(self, messages):
        """Sends everything before anything is answered: the answers, in the order of the messages.

        The library's own `call` waits for each. What it checks is checked here as well.
        """
        async with self._call_lock:
            sent = []
            for message in messages:
                payload = remove_nones(snake_to_camel_case(asdict(message)))
                sent.append(Call(str(uuid.uuid4()), type(message).__name__, payload))
                await validate_payload(sent[-1], "1.6")
            for frame in sent:
                await self._send(frame.to_json())
            answers = []
            for frame in sent:
                answer = await asyncio.wait_for(self._response_queue.get(), PATIENCE)
                assert isinstance(answer, CallResult) and answer.unique_id == frame.unique_id, (frame, answer)
                answer.action = frame.action
                await validate_payload(answer, "1.6")
                answers.append(answer.payload)
            return answers


def obey(action):
    """Lets a charger answer a command."""

    def handle(self, **payload):
        self.asked.put_nowait((action, payload))
        return ANSWERS[action]

    # The library finds handlers by their names.
    handle.__name__ = f"on_{action}"
    setattr(Charger, handle.__name__, on(action)(handle))


for command in ANSWERS:
    obey(command)


def boot():
    return call.BootNotification(charge_point_vendor="Vendor", charge_point_model="Model")


def status(name):
    return call.StatusNotification(connector_id=1, error_code="NoError", status=name, timestamp=now())


def values(transaction, register, amperes, timestamp):
    """The register and the current of three phases."""
    phases = [
        {"value": str(ampere), "measurand": "Current.Import", "phase": phase, "unit": "A"}
        for phase, ampere in zip(("L1", "L2", "L3"), amperes)
    ]
    sampled = [{"value": str(register)}, *phases]
    value = [{"timestamp": timestamp, "sampled_value": sampled}]
    return call.MeterValues(connector_id=1, transaction_id=transaction, meter_value=value)


class Site:
    """The program on a site of its own."""

    def __init__(self, folder):
        environment = {**os.environ, "BMW_DATABASE_URL": f"sqlite://{folder}/site.db", "BMW_REGISTER_UNKNOWN": "true"}
        account = [PROGRAM, "createsuperuser", "--username", "admin", "--password-stdin"]
        subprocess.run(account, env=environment, input=PASSWORD, text=True, check=True)
        arguments = [PROGRAM, "serve", "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
        self.base = self.process.stdout.readline().split("listening on ")[1].strip()
        self.headers = {"Content-Type": "application/json"}
        login = {"username": "admin", "password": PASSWORD}
        self.headers["Authorization"] = "Bearer " + self._ask("/api-token-auth/", login)["token"]

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
        request = urllib.request.Request(self.base + path, data, self.headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    async def details(self):
        return (await self.get("/api/charger/details/?charger_id=PY%20001"))["result"]

    async def becomes(self, command, state):
        """Waits until a command has come so far: the command."""
        for _ in range(PATIENCE * 10):
            found = await self.get(f"/api/charger/command/{command}/")
            if found["state"] == state:
                return found
            await asyncio.sleep(0.1)
        raise AssertionError(f"command {found} is not {state}")


async def connected(site, password=None):
    url = site.base.replace("http", "ws") + "/ocpp/PY%20001"
    if password is not None:
        url = url.replace("://", f"://PY%20001:{password}@")
    connection = await websockets.connect(url, subprotocols=["ocpp1.6"])
    charger = Charger(connection)
    reading = asyncio.create_task(charger.start())
    return charger, connection, reading


async def life(site):
    charger, connection, reading = await connected(site)
    booted = await charger.call(boot())
    assert (booted.status, booted.interval) == ("Accepted", 60), booted
    await charger.status("Available")
    authorized = await charger.call(call.Authorize(id_tag="CARD"))
    assert authorized.id_tag_info["status"] == "Accepted", authorized
    await charging(site, charger)

    transaction = await start(charger, 510)
    # The connection is lost, and the session ends meanwhile.
    await connection.close()
    reading.cancel()
    ended = now()
    charger, connection, reading = await connected(site)
    stop = call.StopTransaction(meter_stop=1010, timestamp=ended, transaction_id=transaction, reason="EVDisconnected")
    await charger.call(stop)
    await charger.call(stop)
    details = await site.details()
    assert details["dblAccumlatedPower"] == 1.0, details

    # So it is once more, and a whole session has queued up.
    await connection.close()
    reading.cancel()
    charger, connection, reading = await connected(site)
    await queued(site, charger, transaction + 1)

    await charger.status("Available")
    await sessions(site, charger)
    await commands(site, charger)
    await firmware(site, charger)
    given = await site.command("GetDiagnostics", location="ftp://10.0.0.1/")
    await charger.to_be_asked("GetDiagnostics")
    for step in ("Uploading", "UploadFailed"):
        await charger.call(call.DiagnosticsStatusNotification(status=step))
    await site.becomes(given, "no_effect")
    await diagnostics(site, charger)
    for kind in ("Soft", "Hard"):
        given = await site.command("Reset", type=kind)
        await charger.to_be_asked("Reset", type=kind)
        await site.becomes(given, "accepted")
        await charger.call(boot())
        await site.becomes(given, "effective")
    await connection.close()
    reading.cancel()
    await passwords(site)


async def start(charger, register, card="CARD"):
    started = await charger.call(
        call.StartTransaction(connector_id=1, id_tag=card, meter_start=register, timestamp=now())
    )
    assert started.id_tag_info["status"] == "Accepted", started
    return started.transaction_id


async def charging(site, charger):
    """A session: values on three phases, suspended by the car and by the charger, ended."""
    await charger.status("Preparing")
    transaction = await start(charger, 10)
    await charger.status("Charging")
    await charger.call(values(transaction, 10, (0, 0, 0), now()))
    await charger.call(values(transaction, 260, (9.6, 9.7, 9.5), now()))
    details = await site.details()
    assert details["vchstate"] == "Charging" and details["intconsumedenergy"] == 250, details
    assert details["intchargingcurrent"] == 10 and details["intchargingphase"] == 3, details
    # The second name is the documented one.
    for told, shown in (("SuspendedEV", "SupsendedEV"), ("Charging", "Charging"), ("SuspendedEVSE", "SuspendedEVSE")):
        await charger.status(told)
        details = await site.details()
        assert details["vchstate"] == shown, (told, details)
    await charger.status("Finishing")
    await charger.call(call.StopTransaction(meter_stop=510, timestamp=now(), transaction_id=transaction, reason="Local"))
    await charger.status("Available")
    details = await site.details()
    assert (details["vchstate"], details["dblAccumlatedPower"]) == ("Available", 0.5), details


async def queued(site, charger, transaction):
    """A session of yesterday is told at once: its start is not answered yet, so that its number is the next one's."""
    day = 86_400
    began, ended = now(-day), now(1800 - day)
    start = call.StartTransaction(connector_id=1, id_tag="CARD", meter_start=1010, timestamp=began)
    stop = call.StopTransaction(meter_stop=3010, timestamp=ended, transaction_id=transaction, reason="Local")
    measured = [
        values(transaction, 1010 + minutes * 60, (16.0, 15.9, 15.8), now(minutes * 60 - day)) for minutes in range(1, 30)
    ]
    answers = await charger.at_once([start, *measured, stop])
    assert answers[0]["transactionId"] == transaction, answers[0]
    assert answers[1:-1] == [{}] * len(measured), answers
    details = await site.details()
    assert details["dblAccumlatedPower"] == 3.0, details
    # The very same once more, as if no answer had come.
    assert (await charger.at_once([start, *measured, stop]))[0]["transactionId"] == transaction
    recent = (await site.get("/api/recent/charging/record/list/"))["result"]
    found = [record["dblenergy"] for record in recent if record["intrecordid"] == transaction]
    assert found == [2.0], recent
    details = await site.details()
    assert details["dblAccumlatedPower"] == 3.0, details


async def sessions(site, charger):
    """Sessions that the site begins and ends."""
    given = await site.command("RemoteStartTransaction")
    await charger.to_be_asked("RemoteStartTransaction", connector_id=1, id_tag="OPERATOR")
    transaction = await start(charger, 3010, "OPERATOR")
    await site.becomes(given, "effective")
    given = await site.command("RemoteStopTransaction")
    await charger.to_be_asked("RemoteStopTransaction", transaction_id=transaction)
    await charger.call(call.StopTransaction(meter_stop=3100, timestamp=now(), transaction_id=transaction, reason="Remote"))
    await site.becomes(given, "effective")


async def commands(site, charger):
    """Every other command: what is given, what goes out at least, and what must be told until it counts as done."""
    expiry = "2099-01-01T00:00:00Z"
    triggered = [
        boot(),
        call.Heartbeat(),
        values(None, 3100, (0, 0, 0), now()),
        status("Available"),
        call.FirmwareStatusNotification(status="Idle"),
        call.DiagnosticsStatusNotification(status="Idle"),
    ]
    given_and_told = [
        ("UnlockConnector", {}, {"connector_id": 1}, None),
        ("ClearCache", {}, {}, None),
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "30"}, {"value": "30"}, None),
        ("GetConfiguration", {"key": ["HeartbeatInterval", "Other"]}, {"key": ["HeartbeatInterval", "Other"]}, None),
        ("GetConfiguration", {}, {}, None),
        ("DataTransfer", {"vendorId": "Vendor", "data": "6*7"}, {"vendor_id": "Vendor", "data": "6*7"}, None),
        ("SendLocalList", {}, {"update_type": "Full", "local_authorization_list": []}, None),
        ("GetLocalListVersion", {}, {}, None),
        ("SetChargingProfile", {"csChargingProfiles": PROFILE}, {"connector_id": 1}, None),
        ("GetCompositeSchedule", {}, {"connector_id": 1, "duration": 86_400}, None),
        ("ClearChargingProfile", {"id": 1}, {"id": 1}, None),
        ("ReserveNow", {"expiryDate": expiry, "reservationId": 7}, {"reservation_id": 7}, status("Reserved")),
        ("CancelReservation", {"reservationId": 7}, {"reservation_id": 7}, None),
        ("ChangeAvailability", {"type": "Inoperative"}, {"type": "Inoperative"}, status("Unavailable")),
        ("ChangeAvailability", {"type": "Operative"}, {"type": "Operative"}, status("Available")),
    ]
    for message in triggered:
        name = type(message).__name__
        given_and_told.append(("TriggerMessage", {"requestedMessage": name}, {"requested_message": name}, message))
    for action, arguments, wanted, effect in given_and_told:
        given = await site.command(action, **arguments)
        await charger.to_be_asked(action, **wanted)
        if effect is not None:
            await site.becomes(given, "accepted")
            await charger.call(effect)
        done = await site.becomes(given, "effective")
        assert done["result"] == snake_to_camel_case(remove_nones(asdict(ANSWERS[action]))), done


async def firmware(site, charger):
    """An update that succeeds, and one that does not."""
    for end, state in (("Installed", "effective"), ("InstallationFailed", "no_effect")):
        given = await site.command("UpdateFirmware", location="http://10.0.0.1/firmware")
        await charger.to_be_asked("UpdateFirmware")
        for step in ("Downloading", "Downloaded", "Installing"):
            await charger.call(call.FirmwareStatusNotification(status=step))
            details = await site.details()
            assert details["vchstate"] == "Updating", details
        await charger.call(call.FirmwareStatusNotification(status=end))
        await site.becomes(given, state)


async def passwords(site):
    """It is given a password, and another one by the site itself; it comes in with the right one alone."""
    route = "/api/charger/password/"
    made = await asyncio.to_thread(site._ask, route, {"vchchargerid": ID, "action": "random"})
    for wrong in (None, "0123456789abcdef"):
        try:
            await connected(site, wrong)
            raise AssertionError(f"it came in with {wrong}")
        except websockets.exceptions.InvalidHandshake as error:
            assert "401" in str(error), error
    charger, connection, reading = await connected(site, made["password"])
    sent = await asyncio.to_thread(site._ask, route, {"vchchargerid": ID, "action": "send"})
    asked = await charger.to_be_asked("ChangeConfiguration", key="AuthorizationKey")
    found = await site.becomes(sent["command"], "effective")
    assert found["arguments"] == {"key": "AuthorizationKey", "value": "…"}, found
    await connection.close()
    reading.cancel()
    charger, connection, reading = await connected(site, asked["value"])
    await charger.status("Available")
    await connection.close()
    reading.cancel()


async def diagnostics(site, charger):
    """Uploads to where it is told to: broken off first, then whole, and not twice."""
    given = await site.command("GetDiagnostics", retries=1)
    location = (await charger.to_be_asked("GetDiagnostics", retries=1))["location"]
    assert location.startswith(site.base + "/ocpp/upload/"), location
    await charger.call(call.DiagnosticsStatusNotification(status="Uploading"))
    content = os.urandom(1_500_000)
    await asyncio.to_thread(break_off, location, content)
    assert await asyncio.to_thread(put, location + "py.bin", content) == 201
    await charger.call(call.DiagnosticsStatusNotification(status="Uploaded"))
    await site.becomes(given, "effective")
    assert await asyncio.to_thread(put, location + "py.bin", content) == 404
    page = await asyncio.to_thread(read, site.base + "/details/?charger_id=PY%20001", site.headers)
    assert b"py.bin" not in page and b">log<" in page.replace(b" ", b""), "the name is the one of the reply"
    link = page.split(b'href="/details/diagnostics/')[1].split(b'"')[0].decode()
    assert await asyncio.to_thread(read, f"{site.base}/details/diagnostics/{link}", site.headers) == content


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


def read(address, headers):
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=PATIENCE) as answer:
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
