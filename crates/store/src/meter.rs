//! Meter values as they are stored: many in one row, see `shared/meter.rs`.

use crate::{Result, StoreError};
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::Measured;
use bmw_domain::energy::Energy;
use bmw_domain::phase::LineCurrents;
use bmw_domain::record::{ChargePointKey, MeterValue, TransactionId};
use serde::{Deserialize, Serialize};

/// The form of what is packed stands before it: a later one must not be read as this.
const FORM: u8 = 1;
/// A part spans no more than this, ms: who looks for a moment need not look far.
pub(crate) const PART_SPAN_MS: i64 = 86_400_000;
/// Where nothing was measured for so long, ms, another part begins: values that were kept offline widen none.
const PART_GAP_MS: i64 = 3_600_000;
/// The most values in a part.
const PART_MOST: usize = 1_024;

/// A meter value on its way into a row. Times are told by what differs from the one before.
#[derive(Serialize, Deserialize)]
struct Packed {
    charge_point: i32,
    connector: i32,
    transaction: Option<i32>,
    /// Ms since the value before was measured.
    passed: i64,
    energy: Option<i64>,
    currents: [Option<f64>; 3],
    offered: Option<f64>,
    power: Option<f64>,
    register: Option<i64>,
    /// Ms from the measurement to the arrival.
    on_its_way: i64,
    claimed: Option<i64>,
}

/// Packs values in their order.
pub(crate) fn pack<'a>(values: impl IntoIterator<Item = &'a Measured>) -> Result<Vec<u8>> {
    let mut before = 0;
    let packed = values.into_iter().map(|measured| {
        let value = &measured.value;
        let passed = value.at.0.wrapping_sub(before);
        before = value.at.0;
        Packed {
            charge_point: value.charge_point.0,
            connector: value.connector,
            transaction: value.transaction.map(|id| id.0),
            passed,
            energy: value.energy.map(Energy::wh),
            currents: value.currents.0,
            offered: value.offered,
            power: value.power,
            register: measured.register,
            on_its_way: measured.received.0.wrapping_sub(value.at.0),
            claimed: measured.claimed.map(|at| at.0),
        }
    });
    let packed: Vec<Packed> = packed.collect();
    postcard::to_extend(&packed, vec![FORM]).map_err(|error| corrupt(&error))
}

/// The values that were packed, in the same order.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Vec<Measured>> {
    let bytes = bytes.strip_prefix(&[FORM]).ok_or_else(|| corrupt(&"of another version"))?;
    let packed: Vec<Packed> = postcard::from_bytes(bytes).map_err(|error| corrupt(&error))?;
    let mut at = 0_i64;
    let measured = packed.into_iter().map(|packed| {
        at = at.wrapping_add(packed.passed);
        Measured {
            value: MeterValue {
                charge_point: ChargePointKey(packed.charge_point),
                connector: packed.connector,
                transaction: packed.transaction.map(TransactionId),
                at: Timestamp(at),
                energy: packed.energy.map(Energy::from_wh),
                currents: LineCurrents(packed.currents),
                offered: packed.offered,
                power: packed.power,
            },
            register: packed.register,
            claimed: packed.claimed.map(Timestamp),
            received: Timestamp(at.wrapping_add(packed.on_its_way)),
        }
    });
    Ok(measured.collect())
}

/// A stretch of one charge point's values.
#[derive(Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) charge_point: ChargePointKey,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// See [`Part::open`].
    pub(crate) readings: Vec<u8>,
}

impl Part {
    /// Values as they came in, laid together: by charge point, then by when they were measured. Those of the same moment stay in
    /// the order in which they came.
    pub(crate) fn of(mut values: Vec<Measured>) -> Result<Vec<Self>> {
        values.sort_by_key(|measured| (measured.value.charge_point, measured.value.at));
        let mut parts = Vec::new();
        let mut rest = values.as_slice();
        while let Some(first) = rest.first() {
            let (part, later) = rest.split_at(stretch(rest));
            let last = part.last().unwrap_or(first);
            parts.push(Self {
                charge_point: first.value.charge_point,
                first: first.value.at,
                last: last.value.at,
                readings: lz4_flex::compress_prepend_size(&pack(part)?),
            });
            rest = later;
        }
        Ok(parts)
    }

    /// The values in the row of a part, oldest first.
    pub(crate) fn open(readings: &[u8]) -> Result<Vec<Measured>> {
        unpack(&lz4_flex::decompress_size_prepended(readings).map_err(|error| corrupt(&error))?)
    }
}

/// How many of the first values belong together.
fn stretch(values: &[Measured]) -> usize {
    let Some((key, begin)) = values.first().map(|first| (first.value.charge_point, first.value.at)) else { return 0 };
    let mut before = begin;
    let belongs = |measured: &&Measured| {
        let at = measured.value.at;
        let follows = at.since(before) <= PART_GAP_MS && at.since(begin) <= PART_SPAN_MS;
        before = at;
        measured.value.charge_point == key && follows
    };
    values.iter().take(PART_MOST).take_while(belongs).count()
}

fn corrupt(error: &impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("meter values: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn measured(charge_point: i32, at: i64, register: i64) -> Measured {
        let value = MeterValue {
            charge_point: ChargePointKey(charge_point),
            connector: 1,
            transaction: Some(TransactionId(7)),
            at: Timestamp(at),
            energy: Some(Energy::from_wh(register)),
            currents: LineCurrents([Some(16.25), None, Some(0.0)]),
            offered: Some(32.0),
            power: None,
        };
        Measured { value, register: Some(register), claimed: None, received: Timestamp(at + 5) }
    }

    #[test]
    fn parts_are_of_one_charge_point_and_one_stretch_of_time() {
        let hour = PART_GAP_MS;
        let values =
            vec![measured(2, 0, 1), measured(1, 5, 2), measured(1, 0, 3), measured(1, 5, 4), measured(1, hour + 6, 5)];
        let parts = Part::of(values).unwrap();
        let bounds: Vec<_> = parts.iter().map(|part| (part.charge_point.0, part.first.0, part.last.0)).collect();
        assert_eq!(bounds, [(1, 0, 5), (1, hour + 6, hour + 6), (2, 0, 0)]);
        let registers: Vec<_> = Part::open(&parts[0].readings).unwrap().iter().map(|it| it.register).collect();
        assert_eq!(registers, [Some(3), Some(2), Some(4)], "those of one moment stay in their order");

        let long = (0..30).map(|hours| measured(1, hours * hour, hours)).collect();
        let spans: Vec<_> = Part::of(long).unwrap().iter().map(|part| part.last.since(part.first)).collect();
        assert_eq!(spans, [PART_SPAN_MS, 4 * hour]);
        let many = (0..3_000).map(|second| measured(1, second, 0)).collect();
        assert_eq!(Part::of(many).unwrap().len(), 3);
        assert!(Part::of(Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn what_is_of_another_form_is_not_read() {
        let mut bytes = pack(&[measured(1, 1, 1)]).unwrap();
        bytes[0] += 1;
        assert!(matches!(unpack(&bytes), Err(StoreError::Corrupt(_))));
        assert!(matches!(unpack(&[]), Err(StoreError::Corrupt(_))));
        assert!(matches!(Part::open(&[9, 9]), Err(StoreError::Corrupt(_))));
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(
            odd in proptest::collection::vec(
                (any::<i32>(), any::<Option<i32>>(), any::<i64>(), any::<Option<i64>>(), any::<[Option<f32>; 3]>(),
                 any::<Option<i64>>(), any::<i64>(), any::<Option<i64>>()),
                0..20,
            )
        ) {
            let values: Vec<Measured> = odd.into_iter().map(|(key, id, at, energy, currents, register, received, claimed)| {
                let finite = |amperes: f32| if amperes.is_finite() { f64::from(amperes) } else { 0.0 };
                Measured {
                    value: MeterValue {
                        charge_point: ChargePointKey(key),
                        connector: key,
                        transaction: id.map(TransactionId),
                        at: Timestamp(at),
                        energy: energy.map(Energy::from_wh),
                        currents: LineCurrents(currents.map(|it| it.map(finite))),
                        offered: currents[0].map(finite),
                        power: currents[1].map(finite),
                    },
                    register,
                    claimed: claimed.map(Timestamp),
                    received: Timestamp(received),
                }
            }).collect();
            prop_assert_eq!(unpack(&pack(&values).unwrap()).unwrap(), values);
        }
    }
}
