//! Numbers that glide: a reading that changes runs to its new value, as a needle does, and does not blink.
//!
//! What may glide is the text of an element with `data-glide`. Only the number in front of it moves; what follows it, its unit,
//! must be the same before and after.

use crate::charts::number;

/// A number as it is written, and what stands behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reading<'a> {
    /// The number without its decimal point: `12214.54` is 1 221 454.
    value: i64,
    /// Digits behind the point.
    decimals: usize,
    /// What follows, with the space before it.
    rest: &'a str,
}

/// Between groups of digits and before a unit.
const SPACE: char = '\u{202f}';

/// Reads a number as [`crate::text::format`] writes it; `None` for what begins with none.
fn read(text: &str) -> Option<Reading<'_>> {
    let is_part = |char: char| char.is_ascii_digit() || matches!(char, SPACE | '.' | '\u{2212}');
    let end = text.find(|char| !is_part(char)).unwrap_or(text.len());
    let written = text.get(..end)?.trim_end_matches(SPACE);
    let decimals = written.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let value: i64 = digits.parse().ok()?;
    let value = if written.starts_with('\u{2212}') { -value } else { value };
    Some(Reading { value, decimals, rest: text.get(written.len()..)? })
}

/// Writes a number with its decimals and what follows.
fn write(Reading { value, decimals, rest }: Reading<'_>) -> String {
    let mut digits = value.unsigned_abs().to_string();
    while digits.len() <= decimals {
        digits.insert(0, '0');
    }
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let whole = number::whole(whole.parse().unwrap_or(0));
    let (sign, point) = (if value < 0 { "\u{2212}" } else { "" }, if decimals > 0 { "." } else { "" });
    [sign, &whole, point, fraction, rest].concat()
}

/// The text on the way from one to another, `done` from 0 to 1; `None` where there is no way.
fn between(from: &str, to: &str, done: f64) -> Option<String> {
    let (from, to) = (read(from)?, read(to)?);
    if from.rest != to.rest {
        return None;
    }
    // Of two precisions the finer one: `9.5` to `10` passes `9.8`.
    let decimals = from.decimals.max(to.decimals);
    let scaled = |reading: Reading<'_>| {
        let power = u32::try_from(decimals - reading.decimals).ok()?;
        reading.value.checked_mul(10_i64.checked_pow(power)?)
    };
    let (start, end) = (scaled(from)?, scaled(to)?);
    // Fast at first, and slower towards its end.
    let left = 1.0 - done.clamp(0.0, 1.0);
    let eased = 1.0 - left * left * left;
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // saturates, and is but shown on the way
    let way = (end.checked_sub(start)? as f64 * eased) as i64;
    Some(write(Reading { value: start + way, decimals, rest: to.rest }))
}

#[cfg(feature = "hydrate")]
pub use in_browser::{glide, hold, resume};

#[cfg(feature = "hydrate")]
mod in_browser {
    use super::between;
    use leptos::prelude::{document, request_animation_frame, window};
    use leptos::web_sys::Node;
    use std::cell::{Cell, RefCell};

    /// How long a number is on its way, ms; `--calm` of the style.
    const LENGTH: f64 = 500.0;

    struct Glide {
        text: Node,
        from: String,
        to: String,
        began: f64,
    }

    impl Glide {
        /// What it shows on its way; `None` at its end.
        fn shown(&self, now: f64) -> Option<String> {
            let done = (now - self.began) / LENGTH;
            if done < 1.0 { between(&self.from, &self.to, done) } else { None }
        }
    }

    thread_local! {
        static RUNNING: RefCell<Vec<Glide>> = const { RefCell::new(Vec::new()) };
        /// Whether the next frame is asked for.
        static IS_ASKED: Cell<bool> = const { Cell::new(false) };
    }

    /// Lets the texts that are on their way show where to: what is compared with new markup is what stood in the last one.
    pub fn hold() {
        RUNNING.with_borrow(|running| {
            for Glide { text, to, .. } in running {
                text.set_node_value(Some(to));
            }
        });
    }

    /// Lets the texts that are on their way show where they are on it.
    pub fn resume() {
        let now = now();
        RUNNING.with_borrow_mut(|running| {
            running.retain(|glide| {
                let shown = glide.shown(now);
                glide.text.set_node_value(Some(shown.as_ref().unwrap_or(&glide.to)));
                shown.is_some()
            });
            if !running.is_empty() && !IS_ASKED.replace(true) {
                request_animation_frame(step);
            }
        });
    }

    /// Lets a text, while they are held, run to a new one; at once where nobody sees it or wants to, or where there is no way.
    pub fn glide(text: &Node, to: &str) {
        let now = now();
        RUNNING.with_borrow_mut(|running| {
            let known = running.iter().position(|glide| glide.text == *text).map(|place| running.swap_remove(place));
            let shown = known.and_then(|known| known.shown(now)).or_else(|| text.node_value());
            text.set_node_value(Some(to));
            let from = shown.unwrap_or_default();
            if !document().hidden() && !is_motion_unwanted() && between(&from, to, 0.0).is_some() {
                running.push(Glide { text: text.clone(), from, to: to.to_owned(), began: now });
            }
        });
    }

    fn step() {
        IS_ASKED.set(false);
        resume();
    }

    fn now() -> f64 {
        window().performance().map_or(0.0, |clock| clock.now())
    }

    fn is_motion_unwanted() -> bool {
        let query = window().match_media("(prefers-reduced-motion: reduce)").ok().flatten();
        query.is_some_and(|query| query.matches())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_runs_to_the_next_and_keeps_its_shape() {
        let way = |from, to| [0.0, 0.2, 1.0].map(|done| between(from, to, done).unwrap().replace(SPACE, " "));
        assert_eq!(way("100", "200"), ["100", "148", "200"]);
        assert_eq!(way("9\u{202f}A", "16\u{202f}A"), ["9 A", "12 A", "16 A"]);
        assert_eq!(way("12\u{202f}214.54", "12\u{202f}214.64"), ["12 214.54", "12 214.58", "12 214.64"]);
        assert_eq!(way("9.5", "10"), ["9.5", "9.7", "10.0"]);
        assert_eq!(way("\u{2212}1.01", "0.05"), ["\u{2212}1.01", "\u{2212}0.50", "0.05"]);
        assert_eq!(way("0.02", "0.05"), ["0.02", "0.03", "0.05"]);
    }

    #[test]
    fn where_there_is_no_way_there_is_no_gliding() {
        for (from, to) in
            [("—", "12"), ("12", "—"), ("", "1"), ("12 A", "12 kWh"), ("99999999999999999999", "1"), ("1.2.3.4", "A")]
        {
            assert_eq!(between(from, to, 0.5), None, "{from} to {to}");
        }
    }

    #[test]
    fn what_is_read_is_written_again() {
        for text in ["0", "7", "1234", "12\u{202f}345", "0.05", "\u{2212}1.01", "16\u{202f}A", "340\u{202f}069.60 kWh"]
        {
            assert_eq!(write(read(text).unwrap()), text);
        }
    }
}
