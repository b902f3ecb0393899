//! Where slow work waits for its turn, such as the hashing of passwords: a few at a time, as each costs memory and a processor, and
//! beside the threads that answer.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places of one kind.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) waiting: Arc<Semaphore>,
    pub(crate) working: Arc<Semaphore>,
}

impl Lane {
    /// So many are worked on at once, of so many that wait with them.
    pub(crate) fn new(at_once: usize, most: usize) -> Self {
        Self { waiting: Arc::new(Semaphore::new(most)), working: Arc::new(Semaphore::new(at_once)) }
    }

    /// A place, if there is one.
    pub(crate) fn take(&self) -> Option<Place> {
        let waiting = Arc::clone(&self.waiting).try_acquire_owned().ok()?;
        Some(Place { waiting, working: Arc::clone(&self.working) })
    }
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    waiting: OwnedSemaphorePermit,
    working: Arc<Semaphore>,
}

impl Place {
    /// Works when its turn has come; `None` when the work itself breaks down. It goes on where nobody waits for it any more: the place,
    /// and what is `held` with it, are free only when it is done.
    pub(crate) async fn work<T: Send + 'static>(
        self,
        held: impl Send + 'static,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let Self { waiting, working } = self;
        let turn = working.acquire_owned().await.ok()?;
        let work = move || {
            let done = work();
            drop((turn, waiting, held));
            done
        };
        tokio::task::spawn_blocking(work).await.inspect_err(|error| tracing::error!(%error, "slow work")).ok()
    }
}
