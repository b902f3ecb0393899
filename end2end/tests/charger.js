// A charge point by a client that is not ours: npm `ocpp-rpc`, which checks every message against the protocol's schemas, in both
// directions.

import { RPCClient } from "ocpp-rpc";

export const ID = "SIM 001-a.b_c";

/** A charge point that obeys, and remembers what it was asked. */
export class Charger {
  constructor(address, identity = ID, protocols = ["ocpp1.6"], password = undefined) {
    this.asked = [];
    this.replies = {};
    this.waiting = [];
    this.client = new RPCClient({
      endpoint: address.replace("http", "ws") + "/ocpp",
      identity,
      protocols,
      password,
      strictMode: protocols.length > 0,
      reconnect: false,
    });
    this.client.handle(({ method, params }) => {
      this.asked.push({ method, params });
      this.waiting = this.waiting.filter(({ wanted, resolve }) => wanted !== method || resolve(params));
      const reply = this.replies[method] ?? { status: "Accepted" };
      if (reply instanceof Error) throw reply;
      return reply;
    });
  }

  async plugIn() {
    await this.client.connect();
    return this;
  }

  /** Waits until the site asks for something. */
  async toBeAsked(method) {
    const known = this.asked.find((asked) => asked.method === method);
    return known?.params ?? (await new Promise((resolve) => this.waiting.push({ wanted: method, resolve })));
  }

  call(method, params = {}) {
    return this.client.call(method, params);
  }

  boot() {
    return this.call("BootNotification", {
      chargePointVendor: "Vendor",
      chargePointModel: "Model",
      chargePointSerialNumber: "S1",
      firmwareVersion: "1.0",
    });
  }

  status(status, connectorId = 1) {
    return this.call("StatusNotification", { connectorId, errorCode: "NoError", status, timestamp: now() });
  }

  start(meterStart, timestamp = now()) {
    return this.call("StartTransaction", { connectorId: 1, idTag: "CARD1", meterStart, timestamp });
  }

  stop(transactionId, meterStop, timestamp = now()) {
    return this.call("StopTransaction", { transactionId, meterStop, timestamp, reason: "Local", idTag: "CARD1" });
  }

  meter(transactionId, register, amperes, timestamp = now()) {
    const sample = (value, measurand, unit, phase) => ({ value: String(value), measurand, unit, ...(phase && { phase }) });
    return this.call("MeterValues", {
      connectorId: 1,
      transactionId,
      meterValue: [
        {
          timestamp,
          sampledValue: [
            sample(register, "Energy.Active.Import.Register", "Wh"),
            sample(amperes[0], "Current.Import", "A", "L1"),
            sample(amperes[1], "Current.Import", "A", "L2"),
            sample(amperes[2], "Current.Import", "A", "L3"),
            sample(16, "Current.Offered", "A"),
            sample(7.2, "Power.Active.Import", "kW"),
            sample(47, "SoC", "Percent"),
          ],
        },
      ],
    });
  }

  /** Uploads diagnostics to where the site said, as it stands or as a form, and tells of it. Gives the status. */
  async upload(location, bytes, { name = "", form = false } = {}) {
    await this.call("DiagnosticsStatusNotification", { status: "Uploading" });
    let body = bytes;
    if (form) {
      body = new FormData();
      body.append("file", new Blob([bytes]), "form.bin");
    }
    const response = await fetch(location + name, { method: form ? "POST" : "PUT", body });
    await this.call("DiagnosticsStatusNotification", { status: response.ok ? "Uploaded" : "UploadFailed" });
    return response.status;
  }

  pullOut() {
    return this.client.close({ force: true });
  }
}

export const now = (ms = 0) => new Date(Date.now() + ms).toISOString();
