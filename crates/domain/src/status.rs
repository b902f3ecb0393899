//! States of charge points as the document names them, and what they mean to a person.

use serde::{Deserialize, Serialize};

/// The 16 names of 2.9, in the documented order and spelling.
pub const STATE_NAMES: [&str; 16] = [
    "BootUp",
    "Available",
    "PreParing",
    "Charging",
    "StatusChanged",
    "StopCharging",
    "RemoteCharging",
    "RemoteStopCharging",
    "SendMessage",
    "Updating",
    "Unavailable",
    "Reboot",
    "Faulted",
    "SupsendedEV",
    "Finishing",
    "Other",
];

/// Index of "Other" in [`STATE_NAMES`].
const OTHER: usize = STATE_NAMES.len() - 1;

/// States in which a charge point is in use (2.6 `total_charging`), ignoring case.
const IN_USE: [&str; 6] = ["Charging", "SuspendedEV", "SupsendedEV", "SuspendedEVSE", "Finishing", "PreCharging"];

/// The index in [`STATE_NAMES`] under which a state counts: the name that it equals ignoring case, else Other.
pub fn state_index(state: Option<&str>) -> usize {
    state.and_then(|state| STATE_NAMES.iter().position(|name| name.eq_ignore_ascii_case(state))).unwrap_or(OTHER)
}

/// Whether a charge point in this state is in use.
pub fn is_in_use(state: Option<&str>) -> bool {
    state.is_some_and(|state| IN_USE.iter().any(|name| name.eq_ignore_ascii_case(state)))
}

/// What a state means at a glance. Never shown by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Condition {
    /// Current flows, or was just ordered: green.
    Charging,
    /// Can be used: blue.
    Ready,
    /// Something is awaited or suspended: amber.
    Waiting,
    /// Faulted: red.
    Faulted,
    /// Offline, out of service or unknown: grey.
    Unknown,
}

/// The condition that a state expresses.
pub fn condition(state: Option<&str>) -> Condition {
    let Some(state) = state else {
        return Condition::Unknown;
    };
    match state.to_ascii_lowercase().as_str() {
        "charging" | "precharging" | "remotecharging" => Condition::Charging,
        "available" | "bootup" => Condition::Ready,
        "preparing" | "suspendedev" | "supsendedev" | "suspendedevse" | "finishing" | "stopcharging"
        | "remotestopcharging" | "reserved" | "updating" | "reboot" | "sendmessage" | "statuschanged" => {
            Condition::Waiting
        }
        "faulted" => Condition::Faulted,
        _ => Condition::Unknown,
    }
}

/// Percentages with two decimals, in hundredths of a percent, that add up to exactly 10 000 (2.9): largest
/// remainder, a tie to the earlier. All zero when nothing was counted.
pub fn percentages<const N: usize>(counts: [u64; N]) -> [u32; N] {
    let total: u128 = counts.iter().map(|count| u128::from(*count)).sum();
    if total == 0 {
        return [0; N];
    }
    let exact = counts.map(|count| u128::from(count) * 10_000);
    // A quotient is at most 10 000.
    #[allow(clippy::cast_possible_truncation)]
    let mut shares = exact.map(|count| (count / total) as u32);
    let missing = 10_000 - shares.iter().sum::<u32>();
    let mut by_remainder: [usize; N] = std::array::from_fn(|index| index);
    // The sort is stable: equal remainders stay in the order of the names.
    by_remainder.sort_by_key(|index| std::cmp::Reverse(exact[*index] % total));
    for index in by_remainder.into_iter().take(missing as usize) {
        shares[index] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_documented_example_adds_up() {
        let mut counts = [0; 16];
        counts[state_index(Some("bootup"))] += 5;
        counts[state_index(Some("2"))] += 7;
        counts[state_index(None)] += 1;
        let shares = percentages(counts);
        assert_eq!((shares[0], shares[15]), (3846, 6154));
    }

    #[test]
    fn in_use_knows_both_spellings() {
        for state in ["Charging", "charging", "SuspendedEV", "SupsendedEV", "SuspendedEVSE", "Finishing", "PreCharging"]
        {
            assert!(is_in_use(Some(state)), "{state}");
        }
        for state in [None, Some("PreParing"), Some("RemoteCharging"), Some("StopCharging"), Some("")] {
            assert!(!is_in_use(state), "{state:?}");
        }
    }

    proptest! {
        #[test]
        fn percentages_add_up_and_are_near(counts in prop::array::uniform16(0_u64..1_000_000)) {
            let shares = percentages(counts);
            let total: u64 = counts.iter().sum();
            prop_assert_eq!(shares.iter().sum::<u32>(), if total == 0 { 0 } else { 10_000 });
            for (count, share) in counts.iter().zip(shares) {
                let (low, high) = (u64::from(share.saturating_sub(1)) * total, u64::from(share + 1) * total);
                prop_assert!(low <= count * 10_000 && count * 10_000 <= high);
            }
        }
    }
}
