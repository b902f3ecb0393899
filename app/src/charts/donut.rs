//! The ring of states.

use super::backend::push_escaped;
use super::number::{push_hundredths, push_plain, whole};
use crate::components::condition_class;
use crate::csv::quoted;
use bmw_domain::status::Condition;

/// How many charge points are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateShare {
    /// The state in words.
    pub name: String,
    /// What it means; gives the colour.
    pub condition: Condition,
    /// How many.
    pub count: u64,
}

/// Around the ring, in hundredths: SVG counts it as 100.
const ROUND: u64 = 10_000;
/// Left free between two segments.
const GAP: i32 = 80;

/// The class of the segment (and its legend) at `index` of what [`occurring`] gives: the colour of its condition, in
/// another shade for each further state of the same condition.
pub fn segment_class(shares: &[StateShare], index: usize) -> String {
    let Some(share) = shares.get(index) else { return String::new() };
    let before = shares[..index].iter().filter(|other| other.condition == share.condition).count();
    [condition_class(share.condition), ["", " shade-1", " shade-2", " shade-3"][before % 4]].concat()
}

/// The states that occur.
pub fn occurring(shares: &[StateShare]) -> Vec<StateShare> {
    shares.iter().filter(|share| share.count > 0).cloned().collect()
}

/// The ring with the total in its middle; `unit` stands under the total.
pub fn draw(shares: &[StateShare], unit: &str, label: &str) -> String {
    let shares = occurring(shares);
    let total: u64 = shares.iter().fold(0, |sum, share| sum.saturating_add(share.count));
    let mut out = String::with_capacity(512 + shares.len() * 110);
    out.push_str("<svg class=\"donut\" viewBox=\"0 0 120 120\" role=\"img\" aria-label=\"");
    push_escaped(&mut out, label);
    out.push_str("\"><circle class=\"track\" cx=\"60\" cy=\"60\" r=\"50\"/>");
    let mut done: u64 = 0;
    let at = |count: u64| {
        // At most ROUND.
        #[allow(clippy::cast_possible_truncation)]
        let position = (u128::from(count) * u128::from(ROUND) / u128::from(total.max(1))) as i32;
        position
    };
    for (index, share) in shares.iter().enumerate() {
        // A circle begins at three o'clock, a clock at twelve.
        let start = at(done);
        done = done.saturating_add(share.count);
        let gap = if shares.len() > 1 { GAP } else { 0 };
        out.push_str("<circle class=\"seg ");
        out.push_str(&segment_class(&shares, index));
        out.push_str(
            "\" cx=\"60\" cy=\"60\" r=\"50\" transform=\"rotate(-90 60 60)\" pathLength=\"100\" stroke-dasharray=\"",
        );
        push_hundredths(&mut out, (at(done) - start - gap).max(20));
        out.push_str(" 100\" stroke-dashoffset=\"");
        push_hundredths(&mut out, -start);
        out.push_str("\"><title>");
        push_escaped(&mut out, &share.name);
        out.push_str(" · ");
        out.push_str(&whole(share.count));
        out.push_str("</title></circle>");
    }
    out.push_str("<text class=\"donut-total\" x=\"60\" y=\"60\" text-anchor=\"middle\" dy=\".1em\">");
    out.push_str(&whole(total));
    out.push_str("</text><text class=\"donut-unit\" x=\"60\" y=\"80\" text-anchor=\"middle\">");
    push_escaped(&mut out, unit);
    out.push_str("</text></svg>");
    out
}

/// The same for programs.
pub fn csv(shares: &[StateShare], state: &str, count: &str) -> String {
    let mut out = [&*quoted(state), ",", &quoted(count), "\r\n"].concat();
    for share in shares.iter().filter(|share| share.count > 0) {
        out.push_str(&quoted(&share.name));
        out.push(',');
        push_plain(&mut out, i64::try_from(share.count).unwrap_or(i64::MAX).saturating_mul(1000));
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(name: &str, condition: Condition, count: u64) -> StateShare {
        StateShare { name: name.to_owned(), condition, count }
    }

    #[test]
    fn only_what_occurs_is_drawn() {
        let shares = [
            share("Available", Condition::Ready, 3),
            share("Faulted", Condition::Faulted, 0),
            share("BootUp", Condition::Ready, 1),
        ];
        let svg = draw(&shares, "chargers", "states");
        assert_eq!(svg.matches("class=\"seg").count(), 2);
        assert!(!svg.contains("is-faulted"));
        assert!(svg.contains("is-ready shade-1"), "the second blue is another shade: {svg}");
        insta::assert_snapshot!(svg);
        assert_eq!(csv(&shares, "State", "Chargers"), "State,Chargers\r\nAvailable,3\r\nBootUp,1\r\n");
    }

    #[test]
    fn extremes_draw() {
        for shares in [
            vec![],
            vec![share("a", Condition::Ready, 0)],
            vec![share("a", Condition::Ready, u64::MAX), share("b", Condition::Waiting, u64::MAX)],
            vec![share("<a>", Condition::Unknown, 1)],
        ] {
            let svg = draw(&shares, "", "");
            assert!(!svg.contains("NaN") && !svg.contains("dasharray=\"-") && !svg.contains("<a>"), "{svg}");
        }
    }
}
