//! Loads a central system: many charge points, each of which sends its next message as soon as the last one is answered, in
//! a mix of 1 start : 20 meter values of 7 sampled values : 1 stop. It does as little as it can, since it shares the machine.
//!
//!     load ADDRESS CONNECTIONS SECONDS [idle]
//!
//! Prints a line of JSON when all are connected, have started and said that they are free, and one at the end: answers,
//! seconds, and the times of an answer, ms. With `idle` they only wait.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Meter values in a session.
const VALUES: u32 = 20;
/// How many connect at once.
const AT_ONCE: usize = 64;

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    number: usize,
    last_id: u32,
    register: i64,
    /// The times of the answers, µs.
    times: Vec<u32>,
}

impl Connection {
    async fn open(address: &str, number: usize) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let head = format!(
            "GET /ocpp/LOAD{number:05} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: ocpp1.6\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut buffer = Vec::with_capacity(1024);
        loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                if !buffer.starts_with(b"HTTP/1.1 101") {
                    return Err(Error::other(String::from_utf8_lossy(&buffer[..end]).into_owned()));
                }
                buffer.drain(..end + 4);
                break;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Self { stream, buffer, number, last_id: 0, register: 1_000, times: Vec::new() })
    }

    /// Sends a text, masked with zeros.
    async fn send(&mut self, text: &str) -> Result<()> {
        let length = u16::try_from(text.len()).map_err(Error::other)?;
        let mut frame = Vec::with_capacity(text.len() + 8);
        frame.push(0x81);
        if length < 126 {
            frame.push(0x80 | length.to_be_bytes()[1]);
        } else {
            frame.push(0xfe);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.stream.write_all(&frame).await
    }

    /// The next text. What the site asks is refused at once.
    async fn receive(&mut self) -> Result<String> {
        loop {
            while let Some((start, end)) = self.frame() {
                let kind = self.buffer[0] & 0x0f;
                let text = String::from_utf8_lossy(&self.buffer[start..end]).into_owned();
                self.buffer.drain(..end);
                match kind {
                    1 if text.starts_with("[2,") => {
                        let id = text.split('"').nth(1).unwrap_or_default().to_owned();
                        self.send(&format!(r#"[4,"{id}","NotSupported","",{{}}]"#)).await?;
                    }
                    1 => return Ok(text),
                    8 => return Err(Error::other(format!("closed: {text}"))),
                    _ => {}
                }
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Where the payload of the first frame lies, once all of it is there.
    fn frame(&self) -> Option<(usize, usize)> {
        let length = usize::from(*self.buffer.get(1)?);
        let (start, length) = match length {
            126 => (4, usize::from(u16::from_be_bytes([*self.buffer.get(2)?, *self.buffer.get(3)?]))),
            short => (2, short),
        };
        (self.buffer.len() >= start + length).then_some((start, start + length))
    }

    async fn call(&mut self, action: &str, payload: &str) -> Result<String> {
        self.last_id += 1;
        let asked = Instant::now();
        self.send(&format!(r#"[2,"{}","{action}",{payload}]"#, self.last_id)).await?;
        let answer = self.receive().await?;
        self.times.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
        Ok(answer)
    }

    async fn begin(&mut self) -> Result<()> {
        self.call("BootNotification", r#"{"chargePointVendor":"Load","chargePointModel":"Load"}"#).await?;
        self.call("StatusNotification", r#"{"connectorId":1,"errorCode":"NoError","status":"Available"}"#).await?;
        self.times.clear();
        Ok(())
    }

    async fn session(&mut self, ending: &watch::Receiver<bool>) -> Result<()> {
        let start = format!(
            r#"{{"connectorId":1,"idTag":"CARD{:05}","meterStart":{},"timestamp":"{}"}}"#,
            self.number,
            self.register,
            jiff::Timestamp::now()
        );
        let answer = self.call("StartTransaction", &start).await?;
        let id = answer.split("\"transactionId\":").nth(1).and_then(|rest| rest.split([',', '}']).next());
        let id = id.ok_or_else(|| Error::other(answer.clone()))?.to_owned();
        for _ in 0..VALUES {
            if *ending.borrow() {
                return Ok(());
            }
            self.register += 4;
            self.call("MeterValues", &values(&id, self.register)).await?;
        }
        let stop = format!(
            r#"{{"transactionId":{id},"meterStop":{},"timestamp":"{}","reason":"Local"}}"#,
            self.register,
            jiff::Timestamp::now()
        );
        self.call("StopTransaction", &stop).await?;
        Ok(())
    }
}

fn values(id: &str, register: i64) -> String {
    format!(
        r#"{{"connectorId":1,"transactionId":{id},"meterValue":[{{"timestamp":"{}","sampledValue":[{{"value":"{register}","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register","unit":"Wh"}},{{"value":"15.6","context":"Sample.Periodic","measurand":"Current.Import","phase":"L1","unit":"A"}},{{"value":"15.4","context":"Sample.Periodic","measurand":"Current.Import","phase":"L2","unit":"A"}},{{"value":"15.8","context":"Sample.Periodic","measurand":"Current.Import","phase":"L3","unit":"A"}},{{"value":"16","context":"Sample.Periodic","measurand":"Current.Offered","unit":"A"}},{{"value":"10764","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"}},{{"value":"47","context":"Sample.Periodic","measurand":"SoC","unit":"Percent"}}]}}]}}"#,
        jiff::Timestamp::now()
    )
}

async fn charge(
    mut connection: Connection,
    begin: watch::Receiver<bool>,
    ending: watch::Receiver<bool>,
) -> Result<Vec<u32>> {
    wait(begin).await;
    while !*ending.borrow() {
        connection.session(&ending).await?;
    }
    Ok(connection.times)
}

async fn wait(mut told: watch::Receiver<bool>) {
    drop(told.wait_for(|is_told| *is_told).await);
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let usage = || Error::new(ErrorKind::InvalidInput, "load ADDRESS CONNECTIONS SECONDS [idle]");
    let [_, address, connections, seconds, rest @ ..] = arguments.as_slice() else { return Err(usage()) };
    let count: usize = connections.parse().map_err(|_| usage())?;
    let seconds: u64 = seconds.parse().map_err(|_| usage())?;
    let mut open = Vec::with_capacity(count);
    while open.len() < count {
        let mut opening = JoinSet::new();
        for number in open.len()..count.min(open.len() + AT_ONCE) {
            let address = address.clone();
            opening.spawn(async move {
                let mut connection = Connection::open(&address, number).await?;
                connection.begin().await?;
                Ok::<_, Error>(connection)
            });
        }
        while let Some(opened) = opening.join_next().await {
            open.push(opened.map_err(Error::other)??);
        }
    }
    println!(r#"{{"connected":{}}}"#, open.len());
    if !rest.is_empty() {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        println!(r#"{{"answers":0}}"#);
        return Ok(());
    }
    let (begin, ending) = (watch::Sender::new(false), watch::Sender::new(false));
    let mut charging = JoinSet::new();
    for connection in open {
        charging.spawn(charge(connection, begin.subscribe(), ending.subscribe()));
    }
    let start = Instant::now();
    begin.send_replace(true);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    ending.send_replace(true);
    let mut times = Vec::new();
    while let Some(charged) = charging.join_next().await {
        times.append(&mut charged.map_err(Error::other)??);
    }
    let elapsed = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| {
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let place = (times.len() as f64 * share) as usize;
        times.get(place).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    };
    println!(r#"{{"answers":{},"seconds":{elapsed:.3},"p50":{:.1},"p99":{:.1}}}"#, times.len(), at(0.5), at(0.99));
    Ok(())
}
