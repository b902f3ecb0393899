// The yardstick of `cargo xtask bench ocpp`: a central system as one would write it in Node with ocpp-rpc and better-sqlite3.
// What charge points tell is stored before it is answered, and the writes of a moment share a transaction, as the program's do.
// It keeps no log of frames and knows no more of a session than its start, its values and its stop.
//
//     node central.js DATABASE

import http from 'node:http';
import Database from 'better-sqlite3';
import { RPCServer } from 'ocpp-rpc';

const database = new Database(process.argv[2]);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.pragma('wal_autocheckpoint = 8000');
database.exec(`
  CREATE TABLE session (
    id INTEGER PRIMARY KEY, charge_point TEXT, connector INTEGER, tag TEXT, meter_start INTEGER, started TEXT,
    meter_stop INTEGER, stopped TEXT
  );
  CREATE TABLE meter_value (
    id INTEGER PRIMARY KEY, charge_point TEXT, connector INTEGER, session INTEGER, at TEXT, energy REAL, l1 REAL, l2 REAL,
    l3 REAL, offered REAL, power REAL
  );
  CREATE INDEX meter_value_by_charge_point ON meter_value (charge_point, at);
`);
const begin = database.prepare(
  'INSERT INTO session (charge_point, connector, tag, meter_start, started) VALUES (?, ?, ?, ?, ?)',
);
const end = database.prepare('UPDATE session SET meter_stop = ?, stopped = ? WHERE id = ?');
const measure = database.prepare('INSERT INTO meter_value VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');

let waiting = [];
const writeAll = database.transaction((jobs) => jobs.map((job) => job.write()));

function commit() {
  const jobs = waiting;
  waiting = [];
  const results = writeAll(jobs);
  jobs.forEach((job, place) => job.done(results[place]));
}

// Resolves once it is stored.
function store(write) {
  return new Promise((done) => {
    if (waiting.length === 0) setImmediate(commit);
    waiting.push({ write, done });
  });
}

function sampled(values, measurand, phase) {
  const found = values.find(
    (value) => (value.measurand ?? 'Energy.Active.Import.Register') === measurand && value.phase === phase,
  );
  return found === undefined ? null : Number(found.value);
}

const server = new RPCServer({ protocols: ['ocpp1.6'], strictMode: false });
server.auth((accept) => accept());
server.on('client', (client) => {
  const id = client.identity;
  const now = () => new Date().toISOString();
  client.handle('BootNotification', () => ({ status: 'Accepted', interval: 60, currentTime: now() }));
  client.handle('StatusNotification', () => ({}));
  client.handle('Heartbeat', () => ({ currentTime: now() }));
  client.handle('StartTransaction', async ({ params }) => {
    const { connectorId, idTag, meterStart, timestamp } = params;
    const stored = await store(() => begin.run(id, connectorId, idTag, meterStart, timestamp));
    return { transactionId: Number(stored.lastInsertRowid), idTagInfo: { status: 'Accepted' } };
  });
  client.handle('MeterValues', async ({ params }) => {
    await store(() => {
      for (const { timestamp, sampledValue: values } of params.meterValue) {
        const currents = ['L1', 'L2', 'L3'].map((phase) => sampled(values, 'Current.Import', phase));
        const energy = sampled(values, 'Energy.Active.Import.Register');
        const offered = sampled(values, 'Current.Offered');
        const power = sampled(values, 'Power.Active.Import');
        const session = params.transactionId ?? null;
        measure.run(id, params.connectorId, session, timestamp, energy, ...currents, offered, power);
      }
    });
    return {};
  });
  client.handle('StopTransaction', async ({ params }) => {
    await store(() => end.run(params.meterStop, params.timestamp, params.transactionId));
    return {};
  });
});

const web = http.createServer((request, response) => response.end('ok'));
web.on('upgrade', server.handleUpgrade);
web.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${web.address().port}`));
