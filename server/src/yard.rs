//! The thread of the charge points: their connections and the desk work on it, and nothing else does.
//!
//! So they call each other without waking a thread, which is most of what an answer would cost otherwise; and no page, however
//! long it takes to draw, holds a charge point up.

use std::io;
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread. It ends when this is dropped.
pub struct Yard {
    handle: Handle,
    end: oneshot::Sender<()>,
}

impl Yard {
    /// Starts it.
    ///
    /// # Errors
    /// The system gives no thread, or nothing to wait for sockets with.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        thread::Builder::new().name("charge-points".to_owned()).spawn(move || {
            // It ends when the sender is dropped.
            drop(runtime.block_on(ended));
        })?;
        Ok(Self { handle, end })
    }

    /// Where its work is handed in.
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends it, and what still works on it.
    pub fn end(self) {
        // It may have ended before.
        if self.end.send(()).is_err() {
            tracing::debug!("the thread of the charge points had ended before");
        }
    }
}
