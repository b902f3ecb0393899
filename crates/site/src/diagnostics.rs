//! Diagnostics: charge points upload them to the site itself, at an address that is made for one command.
//!
//! The permission is the token in that address. It is random, holds for one complete upload while its command is open, lives in
//! memory alone, and is told to nobody but the charge point.

use crate::Clock;
use crate::running::Site;
use bmw_domain::diagnostics::FileName;
use bmw_domain::record::ChargePointKey;
use bmw_store::StoreError;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

/// The path below which uploads are received; the token follows, and perhaps a file name.
pub const UPLOAD_PATH: &str = "/ocpp/upload/";
/// The most bytes of a file.
pub const UPLOAD_MOST: u64 = 64 << 20;

/// How long a token holds at most.
pub(crate) const UPLOAD_TIME: Duration = Duration::from_hours(1);
/// Bytes that are written at once.
const PART: usize = 512 << 10;
/// How many uploads are received at once: each holds a part in memory.
const AT_ONCE: usize = 16;
/// The newest so many files of each charge point are kept, and so many bytes of all.
const FILES_KEPT: i64 = 5;
const BYTES_KEPT: i64 = 1 << 30;
/// After so many parts is looked whether there is too much.
const LOOK: i32 = 16;
/// Parts of files that were given up are taken away so many at once.
const SWEPT: u32 = 4;

/// Random bytes of a token.
const TOKEN_BYTES: usize = 16;
/// Its digits in an address.
const TOKEN_DIGITS: usize = 2 * TOKEN_BYTES;

/// The permission to upload once.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Token([u8; TOKEN_BYTES]);

impl Token {
    /// A new one; `None`, after a line in the log, when the system gives no random bytes.
    pub(crate) fn random() -> Option<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        match getrandom::fill(&mut bytes) {
            Ok(()) => Some(Self(bytes)),
            Err(error) => {
                tracing::error!(%error, "the system gives no random bytes");
                None
            }
        }
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() != TOKEN_DIGITS || !text.bytes().all(|it| it.is_ascii_hexdigit()) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(|number| Self(number.to_be_bytes()))
    }

    fn digits(self) -> String {
        format!("{:0width$x}", u128::from_be_bytes(self.0), width = TOKEN_DIGITS)
    }
}

impl fmt::Debug for Token {
    /// Without its digits: it may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// A text without the tokens in it: what readers and logs may see of an address.
pub(crate) fn without_tokens(text: &str) -> Cow<'_, str> {
    const BEFORE: &str = "upload";
    let mut clean = String::new();
    let mut rest = text;
    while let Some(place) = rest.find(BEFORE) {
        let (before, after) = rest.split_at(place + BEFORE.len());
        // Some write the slash of JSON with a backslash before it.
        let digits = after.trim_start_matches(['\\', '/']);
        let length = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
        clean.push_str(before);
        if length == TOKEN_DIGITS {
            clean.push_str(&after[..after.len() - digits.len()]);
            clean.push('…');
            rest = &digits[length..];
        } else {
            rest = after;
        }
    }
    if clean.is_empty() {
        return Cow::Borrowed(text);
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// The uploads that are allowed now.
#[derive(Debug)]
pub struct Uploads {
    open: Mutex<HashMap<Token, Arc<Permit>>>,
    /// Whether there ever was one since the start: before, no text can have a token in it.
    is_used: AtomicBool,
    places: Arc<Semaphore>,
    /// Held while a part is written or taken away, and as long again: what charge points tell has half of the time at least.
    pen: tokio::sync::Mutex<()>,
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            is_used: AtomicBool::new(false),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            pen: tokio::sync::Mutex::default(),
        }
    }
}

impl Uploads {
    fn lock(&self) -> MutexGuard<'_, HashMap<Token, Arc<Permit>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A text as a log may keep it.
    pub(crate) fn loggable<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.is_used.load(Ordering::Relaxed) { without_tokens(text) } else { Cow::Borrowed(text) }
    }
}

/// What is known of an upload that is allowed.
#[derive(Debug)]
struct Permit {
    charge_point: ChargePointKey,
    command: i64,
    until: Instant,
    /// The name that the charge point gave when it was asked.
    name: Mutex<Option<FileName>>,
    /// The number of the last attempt: a newer one takes the place of the one before.
    attempt: AtomicU64,
    /// Whether all of it has come.
    is_whole: AtomicBool,
}

/// An upload that is allowed as long as this is held.
pub struct OpenUpload {
    site: Arc<Site>,
    token: Token,
    permit: Arc<Permit>,
}

impl OpenUpload {
    /// The path of the address, to be told to the charge point alone. A file name may follow it.
    pub fn path(&self) -> String {
        format!("{UPLOAD_PATH}{}/", self.token.digits())
    }

    /// What the charge point calls the file.
    pub(crate) fn set_name(&self, told: &str) {
        // It may tell the whole address: only what comes behind the token is a name.
        let digits = self.token.digits();
        let name = told.rsplit(digits.as_str()).next().and_then(FileName::of);
        *self.permit.name.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }

    /// Whether all of the file has come.
    pub(crate) fn is_whole(&self) -> bool {
        self.permit.is_whole.load(Ordering::Acquire)
    }
}

impl Drop for OpenUpload {
    fn drop(&mut self) {
        self.site.uploads().lock().remove(&self.token);
    }
}

/// Why an upload is not received.
#[derive(Debug, thiserror::Error)]
pub enum NotReceived {
    /// No upload is allowed with this token: it is unknown, was used, or is too old.
    #[error("no upload is allowed here")]
    NotAllowed,
    /// The charge point began anew meanwhile.
    #[error("a newer attempt took its place")]
    Replaced,
    /// Too many are received already.
    #[error("too many uploads at once")]
    Busy,
    /// It is larger than [`UPLOAD_MOST`].
    #[error("the file is larger than 64 MiB")]
    TooLarge,
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A file that is being received. Dropped before it is finished, it leaves nothing behind, and the charge point may try again.
pub struct Receiving {
    site: Arc<Site>,
    permit: Arc<Permit>,
    token: Token,
    attempt: u64,
    /// The store's number of the file, once a part of it is written.
    file: Option<i64>,
    parts: i32,
    size: u64,
    /// What is not written yet.
    buffer: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl Site {
    /// The uploads that are allowed now.
    pub(crate) const fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// Allows a charge point to upload a file for a command, for so long at most, and no longer than what is returned is held.
    /// `None` when the system gives no random bytes.
    pub fn allow_upload(
        self: &Arc<Self>,
        charge_point: ChargePointKey,
        command: i64,
        time: Duration,
    ) -> Option<OpenUpload> {
        Token::random().map(|token| self.allow_upload_with(token, charge_point, command, time))
    }

    pub(crate) fn allow_upload_with(
        self: &Arc<Self>,
        token: Token,
        charge_point: ChargePointKey,
        command: i64,
        time: Duration,
    ) -> OpenUpload {
        let permit = Arc::new(Permit {
            charge_point,
            command,
            until: Instant::now() + time,
            name: Mutex::default(),
            attempt: AtomicU64::new(0),
            is_whole: AtomicBool::new(false),
        });
        self.uploads.is_used.store(true, Ordering::Relaxed);
        self.uploads.lock().insert(token, Arc::clone(&permit));
        OpenUpload { site: Arc::clone(self), token, permit }
    }

    /// Begins to receive an upload by the token in its address. An attempt that was broken off gives way to it.
    ///
    /// # Errors
    /// [`NotReceived::NotAllowed`] or [`NotReceived::Busy`].
    pub fn receive_upload(self: &Arc<Self>, token: &str) -> Result<Receiving, NotReceived> {
        let token = Token::read(token).ok_or(NotReceived::NotAllowed)?;
        let permit = self.uploads.lock().get(&token).cloned().ok_or(NotReceived::NotAllowed)?;
        if permit.until <= Instant::now() {
            return Err(NotReceived::NotAllowed);
        }
        let place = Arc::clone(&self.uploads.places).try_acquire_owned().map_err(|_| NotReceived::Busy)?;
        let attempt = permit.attempt.fetch_add(1, Ordering::AcqRel) + 1;
        Ok(Receiving {
            site: Arc::clone(self),
            permit,
            token,
            attempt,
            file: None,
            parts: 0,
            size: 0,
            buffer: Vec::new(),
            _place: place,
        })
    }

    /// What a run before left half done is taken away.
    pub(crate) async fn settle_diagnostics(&self) -> Result<(), StoreError> {
        self.store().drop_unfinished_diagnostics().await?;
        while self.store().sweep_diagnostics(SWEPT).await? {}
        Ok(())
    }

    /// Forgets the oldest files where there are too many. Nobody waits for it.
    fn forget_old_diagnostics(self: &Arc<Self>) {
        let site = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = site.drop_old_diagnostics().await {
                tracing::warn!(%error, "old diagnostics could not be forgotten");
            }
        });
    }

    async fn drop_old_diagnostics(&self) -> Result<(), StoreError> {
        let beyond = self.store().diagnostics_beyond(FILES_KEPT, BYTES_KEPT).await?;
        if !beyond.is_empty() {
            self.drop_diagnostics(&beyond).await?;
        }
        Ok(())
    }

    async fn drop_diagnostics(&self, files: &[i64]) -> Result<(), StoreError> {
        {
            let _step = self.step().await;
            self.store().drop_diagnostics(files).await?;
        }
        let mut is_more = true;
        while is_more {
            let _pen = self.uploads.pen.lock().await;
            let step = self.step().await;
            let began = Instant::now();
            is_more = self.store().sweep_diagnostics(SWEPT).await?;
            drop(step);
            sleep(began.elapsed()).await;
        }
        Ok(())
    }
}

impl Receiving {
    /// When the permission ends.
    pub fn until(&self) -> Instant {
        self.permit.until
    }

    /// Takes what has come next. Returns when there is room for more.
    ///
    /// # Errors
    /// See [`NotReceived`]; nothing of the file is kept then.
    pub async fn take(&mut self, mut bytes: &[u8]) -> Result<(), NotReceived> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > UPLOAD_MOST {
            return Err(NotReceived::TooLarge);
        }
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PART - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == PART {
                self.write().await?;
            }
        }
        Ok(())
    }

    /// All has come: the file is stored and listed, and the permission is used. `name` counts where the charge point gave none
    /// when it was asked.
    ///
    /// # Errors
    /// See [`NotReceived`]; nothing of the file is kept then.
    pub async fn finish(mut self, name: Option<FileName>) -> Result<(), NotReceived> {
        if self.size == 0 {
            return Err(NotReceived::Empty);
        }
        if !self.buffer.is_empty() {
            self.write().await?;
        }
        let told = self.permit.name.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let name = told.or(name).unwrap_or_else(FileName::unnamed);
        {
            let _step = self.site.step().await;
            self.check()?;
            let file = self.file.ok_or(NotReceived::Empty)?;
            self.site.store().finish_diagnostics(file, &name, Clock::real()).await?;
            self.permit.is_whole.store(true, Ordering::Release);
            self.file = None;
        }
        self.site.uploads.lock().remove(&self.token);
        self.site.tell();
        self.site.forget_old_diagnostics();
        Ok(())
    }

    /// Whether this is still what is being received.
    fn check(&self) -> Result<(), NotReceived> {
        if self.permit.is_whole.load(Ordering::Acquire) {
            return Err(NotReceived::NotAllowed);
        }
        let is_newest = self.permit.attempt.load(Ordering::Acquire) == self.attempt;
        if is_newest { Ok(()) } else { Err(NotReceived::Replaced) }
    }

    /// Writes what was not written yet, as a step of its own.
    async fn write(&mut self) -> Result<(), NotReceived> {
        let site = Arc::clone(&self.site);
        let _pen = site.uploads.pen.lock().await;
        self.check()?;
        let took = {
            let _step = site.step().await;
            let began = Instant::now();
            let file = match self.file {
                Some(file) => file,
                None => site.store().begin_diagnostics(self.permit.charge_point, self.permit.command).await?,
            };
            self.file = Some(file);
            site.store().add_diagnostics_part(file, self.parts, &self.buffer).await?;
            began.elapsed()
        };
        self.parts += 1;
        self.buffer.clear();
        if self.parts % LOOK == 0 {
            site.forget_old_diagnostics();
        }
        sleep(took).await;
        Ok(())
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        let site = Arc::clone(&self.site);
        // Without a runtime the program ends, and the next start takes it away.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = site.drop_diagnostics(&[file]).await {
                tracing::warn!(%error, "what was received of a broken upload goes at the next start only");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_are_never_alike() {
        let token = Token::random().unwrap();
        let digits = token.digits();
        assert_eq!(digits.len(), TOKEN_DIGITS);
        assert_eq!(Token::read(&digits), Some(token));
        assert_ne!(Token::random(), Some(token));
        assert_eq!(Token([0; TOKEN_BYTES]).digits(), "0".repeat(TOKEN_DIGITS));
        for wrong in ["", "x", &digits[1..], &format!("{digits}0"), &format!("+{}", &digits[1..])] {
            assert_eq!(Token::read(wrong), None, "{wrong}");
        }
        assert!(!format!("{token:?}").contains(&digits));
    }

    #[test]
    fn logs_and_readers_see_no_token() {
        let token = Token::random().unwrap().digits();
        for (before, after) in [
            (
                format!(r#"{{"location":"http://h:1/ocpp/upload/{token}/"}}"#),
                r#"{"location":"http://h:1/ocpp/upload/…/"}"#,
            ),
            (format!(r"http:\/\/h\/ocpp\/upload\/{token}\/diag.zip"), r"http:\/\/h\/ocpp\/upload\/…\/diag.zip"),
            (format!("upload upload/{token}upload/{token}"), "upload upload/…upload/…"),
            ("no upload/ of abc".to_owned(), "no upload/ of abc"),
            ("nothing".to_owned(), "nothing"),
        ] {
            assert_eq!(without_tokens(&before), after);
        }
    }
}
