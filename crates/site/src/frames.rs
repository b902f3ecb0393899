//! The log of raw frames, beside what is promised: written in batches, bounded, and the first to go when there is trouble.

use crate::Clock;
use crate::running::Site;
use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::record::ChargePointKey;
use bmw_store::{FramePart, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::{Instant, interval};

/// How many frames may wait to be packed; more are not logged.
const WAITING: usize = 8_192;
/// How often they are packed: to be woken by each of them would cost more than the packing.
const LOOK: Duration = Duration::from_millis(50);
/// How often they are written, and how many bytes of them at the latest.
const EVERY: Duration = Duration::from_secs(2);
const AT_MOST: usize = 4 << 20;
/// How often the oldest are forgotten.
const PRUNED: Duration = Duration::from_mins(1);
/// The newest so many of each charge point are kept, and so many bytes of all.
const FRAMES_KEPT: i64 = 10_000;
const BYTES_KEPT: i64 = 1 << 30;
/// Parts that are looked through for what is asked.
const PARTS_READ: u32 = 2_000;

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the charge point.
    In,
    /// To it.
    Out,
}

impl Way {
    const fn sign(self) -> char {
        match self {
            Self::In => '<',
            Self::Out => '>',
        }
    }
}

/// A frame of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// When.
    pub at: Timestamp,
    /// Which way.
    pub way: Way,
    /// Its text.
    pub text: String,
}

struct Noted {
    charge_point: ChargePointKey,
    at: Timestamp,
    way: Way,
    text: String,
}

/// Where frames are noted. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FrameLog(mpsc::Sender<Noted>);

impl std::fmt::Debug for Noted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl FrameLog {
    /// A log of a site, and the work of keeping it, which ends when nobody can note anything any more.
    pub fn new(site: Arc<Site>) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, queue) = mpsc::channel(WAITING);
        (Self(sender), keep(site, queue))
    }

    /// Notes a frame, unless too many wait already: nobody waits for the log.
    pub fn note(&self, charge_point: ChargePointKey, way: Way, text: &str) {
        let noted = Noted { charge_point, at: Clock::real(), way, text: text.to_owned() };
        if self.0.try_send(noted).is_err() {
            tracing::debug!(charge_point = charge_point.0, "a frame is not logged");
        }
    }
}

async fn keep(site: Arc<Site>, mut queue: mpsc::Receiver<Noted>) {
    let mut open: HashMap<ChargePointKey, (i32, String)> = HashMap::new();
    let mut bytes = 0;
    let mut looks = interval(LOOK);
    let (mut written, mut pruned) = (Instant::now(), Instant::now());
    loop {
        looks.tick().await;
        let is_over = loop {
            match queue.try_recv() {
                Ok(frame) => {
                    bytes += frame.text.len();
                    let (count, lines) = open.entry(frame.charge_point).or_default();
                    *count += 1;
                    push_line(lines, &frame, &site.uploads().loggable(&frame.text));
                }
                Err(TryRecvError::Empty) => break false,
                Err(TryRecvError::Disconnected) => break true,
            }
        };
        if bytes >= AT_MOST || written.elapsed() > EVERY || is_over {
            (bytes, written) = (0, Instant::now());
            write(&site, &mut open).await;
        }
        if is_over {
            return;
        }
        if pruned.elapsed() > PRUNED {
            pruned = Instant::now();
            let _step = site.step().await;
            if let Err(error) = site.store().prune_frames(FRAMES_KEPT, BYTES_KEPT).await {
                tracing::warn!(%error, "old frames could not be forgotten");
            }
        }
    }
}

/// A line is the time in ms, the way, and the text, which has no line of its own.
fn push_line(lines: &mut String, frame: &Noted, text: &str) {
    lines.push_str(&frame.at.0.to_string());
    lines.push(frame.way.sign());
    if text.contains(['\n', '\r']) {
        lines.push_str(&text.replace(['\n', '\r'], " "));
    } else {
        lines.push_str(text);
    }
    lines.push('\n');
}

async fn write(site: &Site, open: &mut HashMap<ChargePointKey, (i32, String)>) {
    if open.is_empty() {
        return;
    }
    let part = |(charge_point, (frames, lines)): (ChargePointKey, (i32, String))| FramePart {
        charge_point,
        frames,
        lines: lz4_flex::compress_prepend_size(lines.as_bytes()),
    };
    let parts: Vec<FramePart> = open.drain().map(part).collect();
    let _step = site.step().await;
    if let Err(error) = site.store().add_frames(&parts).await {
        tracing::warn!(%error, "frames could not be logged");
    }
}

impl Site {
    /// The newest frames of a charge point that contain a text, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn frames(
        &self,
        charge_point: ChargePointKey,
        containing: &str,
        most: usize,
    ) -> Result<Vec<Frame>, StoreError> {
        let mut found = Vec::new();
        for part in self.store().frames(charge_point, PARTS_READ).await? {
            let lines = lz4_flex::decompress_size_prepended(&part.lines)
                .map_err(|error| StoreError::Corrupt(format!("frames: {error}")))?;
            let text = String::from_utf8_lossy(&lines);
            let frames = text.lines().rev().filter_map(read_line);
            found.extend(frames.filter(|frame| frame.text.contains(containing)).take(most - found.len()));
            if found.len() >= most {
                break;
            }
        }
        Ok(found)
    }
}

fn read_line(line: &str) -> Option<Frame> {
    let place = line.find(['<', '>'])?;
    let way = if line.as_bytes()[place] == b'<' { Way::In } else { Way::Out };
    Some(Frame { at: Timestamp(line[..place].parse().ok()?), way, text: line[place + 1..].to_owned() })
}

impl Frame {
    /// As a line of a download: the site's time, the way, and the text.
    pub fn line(&self, local: LocalTime) -> String {
        let ms = self.at.0.rem_euclid(1000);
        format!("{}.{ms:03} {} {}\n", local.with_space(), self.way.sign(), self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back() {
        let mut lines = String::new();
        for (way, text) in [(Way::In, "[2,\"<1>\",\"A\",{}]"), (Way::Out, "a\r\nb")] {
            push_line(
                &mut lines,
                &Noted { charge_point: ChargePointKey(1), at: Timestamp(5), way, text: text.to_owned() },
                text,
            );
        }
        let read: Vec<Frame> = lines.lines().filter_map(read_line).collect();
        assert_eq!(read[0], Frame { at: Timestamp(5), way: Way::In, text: "[2,\"<1>\",\"A\",{}]".to_owned() });
        assert_eq!(read[1], Frame { at: Timestamp(5), way: Way::Out, text: "a  b".to_owned() });
        assert_eq!(read[1].line(LocalTime(0)), "1970-01-01 00:00:00.005 > a  b\n");
    }
}
