//! The log of raw frames, beside what is promised: written in batches, bounded, and the first to go when there is trouble.

use crate::access::{Caller, NotDone};
use crate::diagnostics::Uploads;
use crate::running::Site;
use crate::secrets::masked_line;
use bmw_domain::account::Right;
use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::record::ChargePointKey;
use bmw_store::{FramePart, StoreError};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

/// How often frames are written, and how many bytes of them at the latest.
const EVERY: Duration = Duration::from_secs(2);
const AT_MOST: usize = 12 << 20;
/// How many bytes may wait while the database is busy; more frames are not logged.
const WAITING: usize = 2 * AT_MOST;
/// The newest so many of each charge point are kept at most, and so many bytes of all.
pub const FRAMES_KEPT: i64 = 10_000;
const BYTES_KEPT: i64 = 1 << 30;
/// So many of a charge point are forgotten at once, so that room need not be made for each frame.
const FRAMES_AT_ONCE: i64 = 1_000;
/// The most parts that are dropped at a time: those who wait for an answer wait for it.
const DROPPED: u32 = 256;
/// Parts that are read at a time for what is asked.
const PARTS_READ: u32 = 256;

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

/// What waits to be written: lines, one after another, each with whose it is and where it ends.
#[derive(Debug, Default)]
struct Page {
    lines: String,
    ends: Vec<(ChargePointKey, usize)>,
}

impl Page {
    /// Each line with whose it is, those of a charge point together, in the order in which they came.
    fn by_charge_point(&self) -> Vec<(ChargePointKey, &str)> {
        let mut start = 0;
        let line = |(key, end): &(ChargePointKey, usize)| {
            let line = &self.lines[start..*end];
            start = *end;
            (*key, line)
        };
        let mut lines: Vec<_> = self.ends.iter().map(line).collect();
        lines.sort_by_key(|(key, _)| *key);
        lines
    }

    /// Makes it empty, and leaves the room that it has, unless that was by far too much.
    fn clear(&mut self) {
        let (bytes, lines) = (self.lines.len(), self.ends.len());
        self.lines.clear();
        self.ends.clear();
        if self.lines.capacity() / 4 > bytes {
            self.lines.shrink_to(bytes * 2);
            self.ends.shrink_to(lines * 2);
        }
    }
}

#[derive(Debug, Default)]
struct Open {
    page: Mutex<Page>,
    /// Told when there is much of it.
    is_full: Notify,
}

impl Open {
    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where frames are noted. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FrameLog {
    open: Arc<Open>,
    /// Nothing is sent by it: the log ends when the last of these is gone.
    _held: mpsc::Sender<Infallible>,
}

impl FrameLog {
    /// A log of a site, and the work of keeping it, which ends when nobody can note anything any more.
    pub fn new(site: Arc<Site>) -> (Self, impl Future<Output = ()> + Send) {
        let (held, ended) = mpsc::channel(1);
        let open = Arc::<Open>::default();
        (Self { open: Arc::clone(&open), _held: held }, keep(site, open, ended, Bounds::default()))
    }

    /// Notes a frame, unless too much waits already: nobody waits for the log.
    pub fn note(&self, charge_point: ChargePointKey, at: Timestamp, way: Way, text: &str) {
        let mut page = self.open.page();
        let before = page.lines.len();
        if before >= WAITING {
            tracing::debug!(charge_point = charge_point.0, "a frame is not logged");
            return;
        }
        push_line(&mut page.lines, at, way, text);
        let end = page.lines.len();
        page.ends.push((charge_point, end));
        if before < AT_MOST && end >= AT_MOST {
            self.open.is_full.notify_one();
        }
    }
}

async fn keep(site: Arc<Site>, open: Arc<Open>, mut ended: mpsc::Receiver<Infallible>, mut bounds: Bounds) {
    let mut page = Page::default();
    loop {
        let is_over = tokio::select! {
            () = sleep(EVERY) => false,
            () = open.is_full.notified() => false,
            _ = ended.recv() => true,
        };
        // What was written gives its room to what comes next.
        std::mem::swap(&mut page, &mut *open.page());
        let lines = page.by_charge_point();
        let parts = lines.chunk_by(|a, b| a.0 == b.0).map(|lines| part(site.uploads(), bounds.newest(lines)));
        let parts: Vec<FramePart> = parts.collect();
        page.clear();
        let outcome = async {
            bounds.make_room(&site, &parts).await?;
            write(&site, &parts).await?;
            bounds.grown(&parts);
            Ok::<(), StoreError>(())
        };
        if let Err(error) = outcome.await {
            tracing::warn!(%error, "frames could not be logged");
        }
        if is_over {
            return;
        }
    }
}

/// What the log holds, as far as it must be known to keep it within its bounds.
#[derive(Debug)]
struct Bounds {
    /// How many frames of a charge point may be there, how many are forgotten at once, and how many bytes of all may be there.
    frames_kept: i64,
    frames_at_once: i64,
    bytes_kept: i64,
    /// How many frames of a charge point may come before its oldest are forgotten; of one that has said nothing since the start
    /// nobody knows.
    room: HashMap<ChargePointKey, i64>,
    /// The bytes of all parts; counted once.
    bytes: Option<i64>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            frames_kept: FRAMES_KEPT,
            frames_at_once: FRAMES_AT_ONCE,
            bytes_kept: BYTES_KEPT,
            room: HashMap::new(),
            bytes: None,
        }
    }
}

impl Bounds {
    /// Of the lines of a charge point those that have room at all.
    fn newest<'a, T>(&self, lines: &'a [T]) -> &'a [T] {
        &lines[lines.len().saturating_sub(usize::try_from(self.frames_kept).unwrap_or(usize::MAX))..]
    }

    /// Forgets the oldest where there is no room for what comes: never more is there than may be. One charge point at a time, those who
    /// wait for an answer wait for no more.
    async fn make_room(&mut self, site: &Site, parts: &[FramePart]) -> Result<(), StoreError> {
        let store = site.store();
        let mut bytes = match self.bytes {
            Some(bytes) => bytes,
            None => store.frame_bytes().await?,
        };
        for part in parts {
            let frames = i64::from(part.frames);
            if self.room.get(&part.charge_point).is_some_and(|room| *room >= frames) {
                continue;
            }
            let room = frames.max(self.frames_at_once);
            let _step = site.step().await;
            bytes -= store.prune_frames(part.charge_point, self.frames_kept.saturating_sub(room).max(0)).await?;
            self.room.insert(part.charge_point, room);
            // What is done is known also where the next cannot be done.
            self.bytes = Some(bytes);
        }
        let size = size(parts);
        while bytes.saturating_add(size) > self.bytes_kept {
            let _step = site.step().await;
            let gone = store.drop_oldest_frames(DROPPED).await?;
            if gone == 0 {
                break;
            }
            bytes -= gone;
            self.bytes = Some(bytes);
        }
        self.bytes = Some(bytes);
        Ok(())
    }

    /// Notes what was written.
    fn grown(&mut self, parts: &[FramePart]) {
        for part in parts {
            if let Some(room) = self.room.get_mut(&part.charge_point) {
                *room -= i64::from(part.frames);
            }
        }
        self.bytes = self.bytes.map(|bytes| bytes.saturating_add(size(parts)));
    }
}

/// The bytes of parts.
fn size(parts: &[FramePart]) -> i64 {
    let size: usize = parts.iter().map(|part| part.lines.len()).sum();
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// A line is the time in ms, the way, and the text, which has no line of its own.
fn push_line(lines: &mut String, at: Timestamp, way: Way, text: &str) {
    lines.push_str(itoa::Buffer::new().format(at.0));
    lines.push(way.sign());
    if memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_some() {
        lines.push_str(&text.replace(['\n', '\r'], " "));
    } else {
        lines.push_str(text);
    }
    lines.push('\n');
}

async fn write(site: &Site, parts: &[FramePart]) -> Result<(), StoreError> {
    if parts.is_empty() {
        return Ok(());
    }
    let _step = site.step().await;
    site.store().add_frames(parts).await
}

/// Lines of one charge point, packed.
fn part(uploads: &Uploads, lines: &[(ChargePointKey, &str)]) -> FramePart {
    let mut text = String::new();
    for (_, line) in lines {
        text.push_str(&masked_line(&uploads.loggable(line)));
    }
    FramePart {
        charge_point: lines[0].0,
        frames: i32::try_from(lines.len()).unwrap_or(i32::MAX),
        lines: lz4_flex::compress_prepend_size(text.as_bytes()),
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
        caller: &Caller,
    ) -> Result<Vec<Frame>, NotDone> {
        caller.check(Right::ReadSensitive)?;
        let mut found = Vec::new();
        let mut before = None;
        loop {
            let parts = self.store().frames(charge_point, before, PARTS_READ).await?;
            for (id, part) in &parts {
                before = Some(*id);
                let lines = lz4_flex::decompress_size_prepended(&part.lines)
                    .map_err(|error| StoreError::Corrupt(format!("frames: {error}")))?;
                let text = String::from_utf8_lossy(&lines);
                // What an earlier version has logged may have secrets in it, and nobody finds out by searching.
                let frames = text.lines().rev().filter_map(|line| read_line(&masked_line(line)));
                found.extend(frames.filter(|frame| frame.text.contains(containing)).take(most - found.len()));
                if found.len() >= most {
                    return Ok(found);
                }
            }
            if parts.is_empty() {
                return Ok(found);
            }
        }
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
    fn a_page_keeps_the_order_of_each_charge_point_and_its_room() {
        let mut page = Page::default();
        for (key, text) in [(2, "a"), (1, "b"), (2, "c")] {
            push_line(&mut page.lines, Timestamp(5), Way::In, text);
            let end = page.lines.len();
            page.ends.push((ChargePointKey(key), end));
        }
        let lines = page.by_charge_point();
        assert_eq!(lines, [(ChargePointKey(1), "5<b\n"), (ChargePointKey(2), "5<a\n"), (ChargePointKey(2), "5<c\n")]);
        let parts: Vec<_> = lines.chunk_by(|a, b| a.0 == b.0).map(|lines| part(&Uploads::default(), lines)).collect();
        assert_eq!((parts[1].charge_point, parts[1].frames), (ChargePointKey(2), 2));
        page.lines.reserve(1 << 20);
        page.clear();
        assert!(page.lines.capacity() < 1 << 20, "a burst does not hold its memory");
        assert!(page.by_charge_point().is_empty());
    }

    #[test]
    fn what_is_promised_is_kept() {
        let bounds = Bounds::default();
        assert_eq!((bounds.frames_kept, bounds.bytes_kept), (10_000, 1 << 30));
        assert!(bounds.frames_at_once < bounds.frames_kept);
    }

    /// A site with two charge points.
    async fn site(folder: &std::path::Path) -> Arc<Site> {
        let url = format!("sqlite://{}", folder.join("site.db").display());
        let zone = Some(bmw_store::Zone::named("UTC").unwrap());
        let options = bmw_store::OpenOptions { url, zone, role: bmw_store::Role::Owner };
        let (store, _) = bmw_store::open(&options).await.unwrap();
        let (site, _, _) = Site::start(store, crate::SiteOptions::default()).await.unwrap();
        for identity in ["A", "B"] {
            let identity = bmw_domain::record::Identity::new(identity).unwrap();
            site.register_charge_point(identity, None).await.unwrap();
        }
        site
    }

    fn small() -> Bounds {
        Bounds { frames_kept: 10, frames_at_once: 3, ..Bounds::default() }
    }

    /// How many frames of a charge point are stored.
    async fn stored(site: &Site, charge_point: ChargePointKey) -> i32 {
        let parts = site.store().frames(charge_point, None, 1_000).await.unwrap();
        parts.iter().map(|(_, part)| part.frames).sum()
    }

    #[tokio::test]
    async fn never_more_of_a_charge_point_are_stored_than_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(folder.path()).await;
        let part = |key, frames| FramePart { charge_point: ChargePointKey(key), frames, lines: vec![0; 10] };
        let mut bounds = small();
        let (mut most, mut seldom) = (0, 0);
        for round in 0..60 {
            // What was there before the start is not known.
            if round == 30 {
                bounds = small();
            }
            let parts = [part(1, 1 + round % 5), part(2, 1)];
            bounds.make_room(&site, &parts).await.unwrap();
            seldom += i32::from(bounds.room[&ChargePointKey(2)] == 3);
            write(&site, &parts).await.unwrap();
            bounds.grown(&parts);
            let now = [stored(&site, ChargePointKey(1)).await, stored(&site, ChargePointKey(2)).await];
            assert!(now.iter().all(|frames| *frames <= 10), "{round}: {now:?}");
            most = most.max(now[0].max(now[1]));
        }
        assert_eq!(most, 10, "not far fewer either");
        assert_eq!(seldom, 20, "not for each frame");
        // Of one that says more at once than is kept the newest are.
        assert_eq!(bounds.newest(&(0..25).collect::<Vec<_>>()), (15..25).collect::<Vec<_>>());
        let parts = [part(1, 10)];
        bounds.make_room(&site, &parts).await.unwrap();
        assert_eq!(stored(&site, ChargePointKey(1)).await, 0);
        site.store().close().await;
    }

    #[tokio::test]
    async fn never_more_bytes_are_stored_than_are_kept_and_the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(folder.path()).await;
        let part = |key| FramePart { charge_point: ChargePointKey(key), frames: 1, lines: vec![0; 10] };
        let mut bounds = Bounds { bytes_kept: 3_000, ..Bounds::default() };
        for _ in 0..400 {
            let parts = [part(1), part(2)];
            bounds.make_room(&site, &parts).await.unwrap();
            write(&site, &parts).await.unwrap();
            bounds.grown(&parts);
            let bytes = site.store().frame_bytes().await.unwrap();
            assert!(bytes <= 3_000 && bounds.bytes == Some(bytes), "{bytes} {bounds:?}");
        }
        site.store().close().await;
    }

    #[tokio::test]
    async fn the_log_keeps_the_newest_of_what_comes_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(folder.path()).await;
        let (held, ended) = mpsc::channel(1);
        let open = Arc::<Open>::default();
        let log = FrameLog { open: Arc::clone(&open), _held: held };
        for number in 0..25 {
            log.note(ChargePointKey(1), Timestamp(number), Way::In, "[2]");
        }
        drop(log);
        // It ends with the last of those who note, and writes what there is.
        keep(Arc::clone(&site), open, ended, small()).await;
        let frames = site.frames(ChargePointKey(1), "", 100, &Caller::terminal()).await.unwrap();
        let times: Vec<i64> = frames.iter().map(|frame| frame.at.0).collect();
        assert_eq!(times, (15..25).rev().collect::<Vec<_>>());
        site.store().close().await;
    }

    #[test]
    fn lines_come_back() {
        let mut lines = String::new();
        for (way, text) in [(Way::In, "[2,\"<1>\",\"A\",{}]"), (Way::Out, "a\r\nb")] {
            push_line(&mut lines, Timestamp(5), way, text);
        }
        let read: Vec<Frame> = lines.lines().filter_map(read_line).collect();
        assert_eq!(read[0], Frame { at: Timestamp(5), way: Way::In, text: "[2,\"<1>\",\"A\",{}]".to_owned() });
        assert_eq!(read[1], Frame { at: Timestamp(5), way: Way::Out, text: "a  b".to_owned() });
        assert_eq!(read[1].line(LocalTime(0)), "1970-01-01 00:00:00.005 > a  b\n");
    }
}
