//! Answers about the present that are the same for all who ask, each written once for each present.
//!
//! A site of 50 charge points changes some times a second and is asked some 100 000 times a second: what took 5 µs to
//! write costs a copy of a pointer.

use super::charge_points::{IdentityList, ListedCharger, RecentState, StateShares};
use super::json::JsonWriter;
use bmw_site::Present;
use bytes::Bytes;
use serde::Serialize;
use std::sync::{Arc, OnceLock};

/// The answers that belong to one present.
pub(super) struct Rendered {
    present: Arc<Present>,
    identities: OnceLock<Option<Bytes>>,
    list: OnceLock<Option<Bytes>>,
    state_shares: OnceLock<Option<Bytes>>,
    recent_states: OnceLock<Option<Prefixes>>,
}

/// A list whose beginnings are answers, too.
struct Prefixes {
    bytes: Bytes,
    /// Where the list ends after 0, 1, 2, … items.
    ends: Vec<usize>,
}

impl Rendered {
    pub(super) fn new(present: Arc<Present>) -> Self {
        Self {
            present,
            identities: OnceLock::new(),
            list: OnceLock::new(),
            state_shares: OnceLock::new(),
            recent_states: OnceLock::new(),
        }
    }

    pub(super) fn is_of(&self, present: &Arc<Present>) -> bool {
        Arc::ptr_eq(&self.present, present)
    }

    /// 2.12. `None` only where serde fails, which it does not for these types.
    pub(super) fn identities(&self) -> Option<Bytes> {
        let render = || bytes(&IdentityList::of(&self.present));
        self.identities.get_or_init(render).clone()
    }

    /// 2.14
    pub(super) fn list(&self) -> Option<Bytes> {
        let render = || bytes(&ListedCharger::all(&self.present));
        self.list.get_or_init(render).clone()
    }

    /// 2.9
    pub(super) fn state_shares(&self) -> Option<Bytes> {
        let render = || bytes(&StateShares::of(self.present.statistics()));
        self.state_shares.get_or_init(render).clone()
    }

    /// 2.8, the first `num`.
    pub(super) fn recent_states(&self, num: usize) -> Option<Bytes> {
        let list = self.recent_states.get_or_init(|| Prefixes::of_states(&self.present)).as_ref()?;
        let end = *list.ends.get(num).or(list.ends.last())?;
        let mut answer = Vec::with_capacity(end + 2);
        answer.extend_from_slice(list.bytes.get(..end)?);
        answer.extend_from_slice(b"]}");
        Some(answer.into())
    }
}

impl Prefixes {
    fn of_states(present: &Present) -> Option<Self> {
        let mut json = JsonWriter::with_capacity(90 * present.charge_points().len() + 16);
        json.raw(r#"{"result":["#);
        let mut ends = vec![json.len()];
        for now in present.by_contact() {
            if ends.len() > 1 {
                json.raw(",");
            }
            json.raw_bytes(&serde_json::to_vec(&RecentState::of(now)).ok()?);
            ends.push(json.len());
        }
        Some(Self { bytes: json.finish().into(), ends })
    }
}

fn bytes(value: &impl Serialize) -> Option<Bytes> {
    serde_json::to_vec(value).ok().map(Bytes::from)
}
