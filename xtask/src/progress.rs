//! What the terminal shows: which step of how many, how long it takes, that it is alive.

use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// A command's steps, counted.
pub struct Progress {
    total: usize,
    at: Cell<usize>,
}

impl Progress {
    pub fn new(total: usize) -> Self {
        Self { total, at: Cell::new(0) }
    }

    /// Begins the next step.
    pub fn step(&self, title: impl Into<String>) -> Step {
        self.at.set(self.at.get() + 1);
        Step {
            label: format!("[{}/{}]", self.at.get(), self.total),
            title: title.into(),
            start: Instant::now(),
            next_beat: Cell::new(Duration::ZERO),
            terminal: std::io::stdout().is_terminal(),
        }
    }
}

/// One step under way.
pub struct Step {
    label: String,
    title: String,
    start: Instant,
    next_beat: Cell<Duration>,
    terminal: bool,
}

impl Step {
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Says what happens now.
    pub fn say(&self, what: &str) {
        println!("{} {}: {what}", self.label, self.title);
    }

    /// The step's end. Says how long it took when that was noticeable.
    pub fn done(&self, what: &str) {
        let elapsed = self.start.elapsed();
        if elapsed < Duration::from_secs(2) {
            self.say(what);
        } else {
            self.say(&format!("{what}, {}", human(elapsed)));
        }
    }

    /// A sign of life: each second on a terminal, where it overwrites itself, each half minute in
    /// a log.
    pub fn heartbeat(&self, since: Instant, detail: impl Fn() -> String) {
        let elapsed = since.elapsed();
        let every = Duration::from_secs(if self.terminal { 1 } else { 30 });
        if self.next_beat.get().is_zero() {
            self.next_beat.set(every);
        }
        if elapsed < self.next_beat.get() {
            return;
        }
        self.next_beat.set(elapsed + every);
        let detail: String = detail().trim().chars().take(60).collect();
        if self.terminal {
            print!("\r\x1b[K      … {}  {detail}", human(elapsed));
            std::io::stdout().flush().ok();
        } else {
            println!("      … {}  {detail}", human(elapsed));
        }
    }

    pub fn clear_heartbeat(&self) {
        self.next_beat.set(Duration::ZERO);
        if self.terminal {
            print!("\r\x1b[K");
            std::io::stdout().flush().ok();
        }
    }
}

/// `7 s`, `2 min 05 s`.
pub fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {:02} s", seconds / 60, seconds % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(human(Duration::from_millis(7_900)), "7 s");
        assert_eq!(human(Duration::from_secs(125)), "2 min 05 s");
    }
}
