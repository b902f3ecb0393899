//! Watches how soon a change at a charge point is with those who follow the live feed: charge points of its own change their
//! state in turn, and the time runs from before the message is sent until each subscriber has read what the feed says of it.
//! It does as little as it can, since it shares the machine.
//!
//!     watch ADDRESS SUBSCRIBERS SECONDS [PID]
//!
//! Prints one line of JSON: messages received and missed, the times of a change and of the charge points' answers, ms, and
//! where the server's process is named the memory of each subscriber, KiB. The site must take in unknown charge points.

use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// The charge points. Each is to change less often than once a second: then every change is told by itself.
const CHARGE_POINTS: usize = 10;
/// How many connect at once.
const AT_ONCE: usize = 64;
/// The least time between two changes, ms, and what each subscriber adds to it, µs: the reading takes its share of the machine.
const PAUSE_MS: u64 = 200;
const PAUSE_EACH_US: u64 = 100;
/// How long the last messages may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a charge point is doing.
#[derive(Default)]
struct Changing {
    /// When its newest change was sent, µs since the start.
    sent: AtomicU64,
    /// Whether it has become Charging rather than Available.
    is_charging: AtomicBool,
}

type All = Arc<(Instant, Vec<Changing>)>;

/// A WebSocket of our own: frames in, texts out.
struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Socket {
    async fn open(address: &str, path: &str, protocol: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocol}\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut buffer = Vec::with_capacity(512);
        loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                if !buffer.starts_with(b"HTTP/1.1 101") {
                    return Err(Error::other(String::from_utf8_lossy(&buffer[..end]).into_owned()));
                }
                buffer.drain(..end + 4);
                return Ok(Self { stream, buffer });
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Sends a text, masked with zeros.
    async fn send(&mut self, text: &str) -> Result<()> {
        let length = u16::try_from(text.len()).map_err(Error::other)?.to_be_bytes();
        let mut frame =
            if text.len() < 126 { vec![0x81, 0x80 | length[1]] } else { vec![0x81, 0xfe, length[0], length[1]] };
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.stream.write_all(&frame).await
    }

    /// The next text.
    async fn receive(&mut self) -> Result<String> {
        loop {
            while let Some((start, end)) = self.frame() {
                let kind = self.buffer[0] & 0x0f;
                let text = String::from_utf8_lossy(&self.buffer[start..end]).into_owned();
                self.buffer.drain(..end);
                match kind {
                    1 => return Ok(text),
                    8 => return Err(Error::other(format!("closed: {text}"))),
                    // So that the server knows that somebody is there.
                    9 => self.stream.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await?,
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
}

/// A charge point that changes its state when it is told to, and says how long each answer took, µs.
struct ChargePoint {
    number: usize,
    socket: Socket,
    last_id: u32,
}

impl ChargePoint {
    async fn open(address: &str, number: usize) -> Result<Self> {
        let path = format!("/ocpp/{}", identity(number));
        let socket = Socket::open(address, &path, "sec-websocket-protocol: ocpp1.6\r\n").await?;
        let mut point = Self { number, socket, last_id: 0 };
        point.call("BootNotification", r#"{"chargePointVendor":"Watch","chargePointModel":"Watch"}"#).await?;
        point.status("Available").await?;
        Ok(point)
    }

    async fn status(&mut self, status: &str) -> Result<()> {
        let payload = format!(r#"{{"connectorId":1,"errorCode":"NoError","status":"{status}"}}"#);
        self.call("StatusNotification", &payload).await
    }

    async fn call(&mut self, action: &str, payload: &str) -> Result<()> {
        self.last_id += 1;
        self.socket.send(&format!(r#"[2,"{}","{action}",{payload}]"#, self.last_id)).await?;
        let own = format!(r#"[3,"{}""#, self.last_id);
        // What the site asks is not answered: it asks nothing that a state depends on.
        while !self.socket.receive().await?.starts_with(&own) {}
        Ok(())
    }

    async fn live(mut self, all: All, mut change: mpsc::Receiver<()>) -> Result<Vec<u64>> {
        let mut times = Vec::new();
        let (start, points) = &*all;
        while change.recv().await.is_some() {
            let changing = &points[self.number];
            let is_charging = !changing.is_charging.load(Ordering::Acquire);
            let before = micros(*start);
            changing.sent.store(before, Ordering::Release);
            changing.is_charging.store(is_charging, Ordering::Release);
            self.status(if is_charging { "Charging" } else { "Available" }).await?;
            times.push(micros(*start) - before);
        }
        Ok(times)
    }
}

fn identity(number: usize) -> String {
    format!("WATCH{number}")
}

fn micros(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Reads the feed until it has read all changes or is told to end, and notes how old each was, µs.
async fn subscribe(mut socket: Socket, all: All, most: usize, mut ending: watch::Receiver<bool>) -> Result<Vec<u64>> {
    let (start, points) = &*all;
    let mut times = Vec::with_capacity(most);
    let mut known = vec![false; points.len()];
    while times.len() < most {
        let text = tokio::select! {
            text = socket.receive() => text?,
            _ = ending.wait_for(|ending| *ending) => break,
        };
        let now = micros(*start);
        let Some(number) = between(&text, r#""vchchargerid":"WATCH"#).and_then(|number| number.parse::<usize>().ok())
        else {
            continue;
        };
        let (Some(changing), Some(known)) = (points.get(number), known.get_mut(number)) else { continue };
        let is_charging = between(&text, r#""vchstate":""#) == Some("Charging");
        // The first of all it is told are no changes.
        if is_charging != *known && is_charging == changing.is_charging.load(Ordering::Acquire) {
            *known = is_charging;
            times.push(now - changing.sent.load(Ordering::Acquire));
        }
    }
    Ok(times)
}

/// What stands after these words, up to the next quote.
fn between<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    text.split_once(words)?.1.split('"').next()
}

/// What a process has in memory, KiB.
fn memory(pid: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.ok_or_else(|| Error::other("the process does not say what it has in memory"))
}

fn part(times: &mut [u64], share: f64) -> f64 {
    times.sort_unstable();
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let place = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
    #[allow(clippy::cast_precision_loss)] // µs of a measurement
    times.get(place).map_or(0.0, |micros| *micros as f64 / 1000.0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let usage = || Error::new(ErrorKind::InvalidInput, "watch ADDRESS SUBSCRIBERS SECONDS [PID]");
    let [_, address, subscribers, seconds, rest @ ..] = arguments.as_slice() else { return Err(usage()) };
    let count: usize = subscribers.parse().map_err(|_| usage())?;
    let seconds: u64 = seconds.parse().map_err(|_| usage())?;
    let pause = Duration::from_millis(PAUSE_MS).max(Duration::from_micros(PAUSE_EACH_US * count as u64));
    let rounds = u64::try_from(Duration::from_secs(seconds).as_micros() / pause.as_micros()).unwrap_or(1).max(1);
    let most = usize::try_from(rounds).map_err(Error::other)?;

    let all: All = Arc::new((Instant::now(), (0..CHARGE_POINTS).map(|_| Changing::default()).collect()));
    let mut points = Vec::new();
    let mut charging = JoinSet::new();
    for number in 0..CHARGE_POINTS {
        let (sender, receiver) = mpsc::channel(1);
        charging.spawn(ChargePoint::open(address, number).await?.live(Arc::clone(&all), receiver));
        points.push(sender);
    }
    let before = rest.first().map(|pid| memory(pid)).transpose()?;
    let ending = watch::Sender::new(false);
    let mut reading = JoinSet::new();
    let mut open = 0;
    while open < count {
        let mut opening = JoinSet::new();
        for _ in open..count.min(open + AT_ONCE) {
            let address = address.clone();
            opening.spawn(async move { Socket::open(&address, "/ws/charger/details/", "").await });
        }
        while let Some(opened) = opening.join_next().await {
            reading.spawn(subscribe(opened.map_err(Error::other)??, Arc::clone(&all), most, ending.subscribe()));
            open += 1;
        }
    }
    // All have been told what there is.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = rest.first().map(|pid| memory(pid)).transpose()?;

    let mut beat = tokio::time::interval(pause);
    for round in 0..most {
        beat.tick().await;
        points[round % CHARGE_POINTS].send(()).await.map_err(Error::other)?;
    }
    drop(points);
    let end = async {
        tokio::time::sleep(PATIENCE).await;
        ending.send_replace(true);
        std::future::pending::<()>().await;
    };
    let read_all = async {
        let mut times = Vec::new();
        while let Some(read) = reading.join_next().await {
            times.append(&mut read.map_err(Error::other)??);
        }
        Ok::<_, Error>(times)
    };
    let mut times = tokio::select! {
        times = read_all => times?,
        () = end => Vec::new(),
    };
    let mut answers = Vec::new();
    while let Some(charged) = charging.join_next().await {
        answers.append(&mut charged.map_err(Error::other)??);
    }
    let missed = count * most - times.len();
    let kib = before.zip(after).map_or_else(String::new, |(before, after)| {
        #[allow(clippy::cast_precision_loss)] // KiB of a process
        let each = after.saturating_sub(before) as f64 / count.max(1) as f64;
        format!(r#","kib":{each:.1}"#)
    });
    println!(
        r#"{{"subscribers":{count},"changes":{most},"messages":{},"missed":{missed},"p50":{:.1},"p99":{:.1},"max":{:.1},"answer_p50":{:.1},"answer_p99":{:.1}{kib}}}"#,
        times.len(),
        part(&mut times, 0.5),
        part(&mut times, 0.99),
        part(&mut times, 1.0),
        part(&mut answers, 0.5),
        part(&mut answers, 0.99),
    );
    Ok(())
}
