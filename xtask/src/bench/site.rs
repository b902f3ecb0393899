//! The sites that are measured: made up, but of the size and rhythm of real ones.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::project;

/// Charge points of a measured site.
pub const CHARGE_POINTS: u64 = 50;

/// Sessions a day on a measured site: 1 000 000 of them fill ten years.
const SESSIONS_A_DAY: u64 = 274;

/// The clock of a measured site stands at this day's noon.
pub const NOW: &str = "2026-06-30T12:00:00";

/// 2026-06-30 in days since 1970-01-01.
const LAST_DAY: u64 = 20_634;

/// The identity of a charge point.
pub fn identity(number: u64) -> String {
    format!("2150{number:04}")
}

/// The date so many days before the clock's.
pub fn date(days_back: u64) -> String {
    let (year, month, day) = civil(LAST_DAY - days_back);
    format!("{year:04}-{month:02}-{day:02}")
}

/// How many days a number of sessions spans.
pub const fn days(sessions: u64) -> u64 {
    sessions / SESSIONS_A_DAY
}

/// Writes the site file with so many sessions, which end on the clock's day, unless it is there.
pub fn file(sessions: u64) -> Result<PathBuf> {
    let path = project::path("target/bench").join(format!("site-{sessions}.json"));
    if path.is_file() {
        return Ok(path);
    }
    std::fs::create_dir_all(project::path("target/bench"))?;
    let part = path.with_extension("part");
    write(&part, sessions).with_context(|| format!("cannot write {}", part.display()))?;
    std::fs::rename(&part, &path)?;
    Ok(path)
}

fn write(path: &Path, sessions: u64) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    writeln!(
        out,
        "{{\"charger_models\": [{{\"vchmodelid\": \"EVC32N\", \"dblmaxcurrent\": 32.0, \"dblmincurrent\": 6.0, \"intmaxphase\": 3}}],"
    )?;
    writeln!(out, "\"chargers\": [")?;
    for number in 0..CHARGE_POINTS {
        let (id, comma) = (identity(number), comma(number, CHARGE_POINTS));
        writeln!(
            out,
            "{{\"vchchargerid\": \"{id}\", \"vchmodelid\": \"EVC32N\", \"vchvenderid\": \"evpower\", \"vchserialno\": \"{id}\", \"vchfirmwarever\": \"3.1\", \"dblaccumlatedpower\": 0.0, \"dblaccumlatedminute\": 0.0, \"vchmac\": \"0\"}}{comma}"
        )?;
    }
    writeln!(out, "], \"charger_states\": [")?;
    for number in 0..CHARGE_POINTS {
        let (id, comma) = (identity(number), comma(number, CHARGE_POINTS));
        let state =
            ["Available", "Charging", "SupsendedEV", "Available", "Faulted"][usize::try_from(number % 5).unwrap_or(0)];
        writeln!(
            out,
            "{{\"vchchargerid\": \"{id}\", \"vchstate\": \"{state}\", \"vchcommand\": \"StatusNotification\", \"vchsocket\": \"GBT\", \"intcurrentfeedback\": 32, \"intcurrent\": 32, \"intchargingcurrent\": 16, \"intconsumedenergy\": 1200, \"intelapsedtime\": 34, \"intchargingphase\": 3, \"dttlastconntime\": \"2026-06-30T11:{number:02}:00\"}}{comma}"
        )?;
    }
    writeln!(out, "], \"charging_records\": [")?;
    let span = days(sessions);
    for number in 0..sessions {
        // Evenly over the days, rising through each: sessions arrive in the order of their ids.
        let day = LAST_DAY - span + number * span / sessions;
        let of_day = number % SESSIONS_A_DAY * 86_400 / (SESSIONS_A_DAY + 60);
        let (id, comma) = (identity(number * 7 % CHARGE_POINTS), comma(number, sessions));
        let start = time(day, of_day);
        let finish = time(day, (of_day + 1_800 + number % 37 * 60).min(86_399));
        let wh = 1_000 + number * 7_919 % 29_000;
        writeln!(
            out,
            "{{\"intrecordid\": {}, \"intchargingcode\": {}, \"vchchargerid\": \"{id}\", \"dttstartqueue\": \"{start}\", \"dttstarttime\": \"{start}\", \"dttfinishtime\": \"{finish}\", \"dttrealfinish\": \"{finish}\", \"dblenergy\": {}.{:03}, \"vchcardid\": \"{:08X}\"}}{comma}",
            number + 1,
            number / CHARGE_POINTS + 1,
            wh / 1000,
            wh % 1000,
            number * 2_654_435_761 % 5_000 * 859_433
        )?;
    }
    writeln!(out, "]}}")?;
    out.flush()
}

fn comma(number: u64, count: u64) -> &'static str {
    if number + 1 < count { "," } else { "" }
}

fn time(day: u64, seconds: u64) -> String {
    let (year, month, of_month) = civil(day);
    format!("{year:04}-{month:02}-{of_month:02}T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Year, month and day of a day since 1970-01-01 (Gregorian, years from March).
fn civil(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_count_back_from_the_clock() {
        assert_eq!(date(0), NOW[..10]);
        assert_eq!(date(30), "2026-05-31");
        assert_eq!(time(16_763, 54_587), "2015-11-24T15:09:47");
    }
}
