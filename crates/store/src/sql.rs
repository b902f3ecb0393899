//! The statements that both databases understand, each once.

/// The columns of [`crate::rows::TransactionRow`].
macro_rules! transaction_columns {
    () => {
        "id, charge_point, cycle, queued_at, started_at, planned_finish, finished_at, energy_wh, id_tag"
    };
}

/// The columns of [`crate::rows::SessionRow`].
macro_rules! session_columns {
    () => {
        concat!(
            transaction_columns!(),
            ", connector, told_start, received_start, register_start, told_stop, received_stop, register_stop, \
             stop_reason, end_assumed"
        )
    };
}

/// The columns of [`crate::rows::ChargePointRow`] that are stored.
macro_rules! charge_point_columns {
    () => {
        "identity, model_id, vendor, serial_number, firmware_version, total_energy_wh, total_time_ms, ip, mac"
    };
}

/// The columns of [`crate::rows::StateRow`].
macro_rules! state_columns {
    () => {
        "charge_point, state, command, socket, current_offered, current_limit, current_drawn, \
         session_energy, session_minutes, phases, last_contact"
    };
}

macro_rules! or_replace_state {
    () => {
        " ON CONFLICT (charge_point) DO UPDATE SET state = excluded.state, command = excluded.command, \
         socket = excluded.socket, current_offered = excluded.current_offered, current_limit = excluded.current_limit, \
         current_drawn = excluded.current_drawn, session_energy = excluded.session_energy, \
         session_minutes = excluded.session_minutes, phases = excluded.phases, last_contact = excluded.last_contact"
    };
}

/// The columns of [`crate::rows::SettingsRow`].
macro_rules! settings_columns {
    () => {
        "card_reader_port, installation_year, installation_month, current_distribution, meter_port, phase_sequence, \
         currency, energy_step, time_step, priority_per_energy_step, priority_per_time_step, energy_per_count, \
         internal_testing, max_current_a, max_current_b, max_current_c"
    };
}

/// `SELECT` of sessions, with what follows the table.
macro_rules! select_transactions {
    ($rest:literal) => {
        concat!("SELECT ", transaction_columns!(), " FROM \"transaction\" ", $rest)
    };
}
pub(crate) use transaction_columns;

/// The day in `session_by_day` of sessions that are listed on none.
pub(crate) const NO_DAY: i32 = i32::MIN;

pub(crate) const CREATE_SITE: &str =
    "INSERT INTO site (id, zone, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING";
pub(crate) const ZONE: &str = "SELECT zone FROM site WHERE id = 1";
pub(crate) const SET_ZONE: &str = "UPDATE site SET zone = $1 WHERE id = 1";

pub(crate) const SETTINGS: &str = concat!("SELECT ", settings_columns!(), " FROM settings WHERE id = 1");
pub(crate) const PUT_SETTINGS: &str = concat!(
    "INSERT INTO settings (id, ",
    settings_columns!(),
    ") VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
     ON CONFLICT (id) DO UPDATE SET card_reader_port = excluded.card_reader_port, \
     installation_year = excluded.installation_year, installation_month = excluded.installation_month, \
     current_distribution = excluded.current_distribution, meter_port = excluded.meter_port, \
     phase_sequence = excluded.phase_sequence, currency = excluded.currency, energy_step = excluded.energy_step, \
     time_step = excluded.time_step, priority_per_energy_step = excluded.priority_per_energy_step, \
     priority_per_time_step = excluded.priority_per_time_step, energy_per_count = excluded.energy_per_count, \
     internal_testing = excluded.internal_testing, max_current_a = excluded.max_current_a, \
     max_current_b = excluded.max_current_b, max_current_c = excluded.max_current_c"
);

pub(crate) const DISTRIBUTION: &str = "SELECT headroom, safe, turn, has_meter FROM distribution WHERE id = 1";
pub(crate) const PUT_DISTRIBUTION: &str = "INSERT INTO distribution (id, headroom, safe, turn, has_meter) \
     VALUES (1, $1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET headroom = excluded.headroom, safe = excluded.safe, \
     turn = excluded.turn, has_meter = excluded.has_meter";
pub(crate) const WIRINGS: &str =
    "SELECT charge_point, phase_sequence, reports_rotated, cable, most, is_apart FROM wiring ORDER BY charge_point";
pub(crate) const PUT_WIRING: &str = "INSERT INTO wiring \
     (charge_point, phase_sequence, reports_rotated, cable, most, is_apart) VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (charge_point) DO UPDATE SET phase_sequence = excluded.phase_sequence, \
     reports_rotated = excluded.reports_rotated, cable = excluded.cable, most = excluded.most, is_apart = excluded.is_apart";
pub(crate) const ADD_MOMENT: &str = "INSERT INTO distribution_moment (at, moment) VALUES ($1, $2) ON CONFLICT (at) DO UPDATE SET moment = excluded.moment";
pub(crate) const FORGET_MOMENTS: &str = "DELETE FROM distribution_moment WHERE at < $1";
pub(crate) const MOMENTS: &str =
    "SELECT at, moment FROM distribution_moment WHERE at >= $1 AND at < $2 ORDER BY at LIMIT $3";
pub(crate) const LAST_MOMENT: &str = "SELECT moment FROM distribution_moment ORDER BY at DESC LIMIT 1";

pub(crate) const MODELS: &str = "SELECT id, max_current, min_current, phases FROM model ORDER BY id";
pub(crate) const PUT_MODEL: &str = "INSERT INTO model (id, max_current, min_current, phases) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (id) DO UPDATE SET max_current = excluded.max_current, min_current = excluded.min_current, \
     phases = excluded.phases";

pub(crate) const CHARGE_POINTS: &str = concat!(
    "SELECT id, ",
    charge_point_columns!(),
    ", EXISTS (SELECT 1 FROM session_by_day WHERE session_by_day.charge_point = charge_point.id) AS has_sessions, \
     last_cycle, (SELECT t.told_start FROM \"transaction\" t \
     WHERE t.charge_point = charge_point.id AND t.told_start IS NOT NULL \
     ORDER BY t.told_start DESC LIMIT 1) AS newest_start FROM charge_point ORDER BY id"
);
/// Its number follows the highest one.
pub(crate) const ADD_CHARGE_POINT: &str = concat!(
    "INSERT INTO charge_point (id, ",
    charge_point_columns!(),
    ") SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM charge_point RETURNING id"
);
/// `true`: so that `ON` is not read as that of a join.
pub(crate) const PUT_CHARGE_POINT: &str = concat!(
    "INSERT INTO charge_point (id, ",
    charge_point_columns!(),
    ") SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM charge_point WHERE true \
     ON CONFLICT (identity) DO UPDATE SET model_id = excluded.model_id, vendor = excluded.vendor, \
     serial_number = excluded.serial_number, firmware_version = excluded.firmware_version, \
     total_energy_wh = excluded.total_energy_wh, total_time_ms = excluded.total_time_ms, \
     ip = excluded.ip, mac = excluded.mac RETURNING id"
);
pub(crate) const CHARGE_POINT_IDS: &str = "SELECT id, identity FROM charge_point";
/// Before and after the values.
pub(crate) const CHANGE_CHARGE_POINTS: (&str, &str) = (
    "WITH told (id, model_id, vendor, serial_number, firmware_version, total_energy_wh, total_time_ms, ip, mac, \
     last_cycle) AS (",
    ") UPDATE charge_point SET model_id = told.model_id, vendor = told.vendor, serial_number = told.serial_number, \
     firmware_version = told.firmware_version, total_energy_wh = told.total_energy_wh, \
     total_time_ms = told.total_time_ms, ip = told.ip, mac = told.mac, last_cycle = told.last_cycle \
     FROM told WHERE charge_point.id = told.id",
);
pub(crate) const RAISE_LAST_CYCLE: &str = "UPDATE charge_point SET last_cycle = $2 WHERE id = $1 AND last_cycle < $2";

pub(crate) const STATES: &str = concat!("SELECT ", state_columns!(), " FROM charge_point_state");
/// Rows follow, then [`OR_REPLACE_STATE`].
pub(crate) const PUT_STATES: &str = concat!("INSERT INTO charge_point_state (", state_columns!(), ") ");
pub(crate) const OR_REPLACE_STATE: &str = or_replace_state!();

/// The limits of each charge point as JSON.
pub(crate) const LIMITS: &str = "SELECT charge_point, limits FROM charging_limit";
/// The peaks of the site's phases.
pub(crate) const PEAKS: &str = "SELECT phase, amperes, at FROM phase_peak";
/// Rows follow, then [`OR_REPLACE_PEAK`].
pub(crate) const PUT_PEAKS: &str = "INSERT INTO phase_peak (phase, amperes, at) ";
pub(crate) const OR_REPLACE_PEAK: &str =
    " ON CONFLICT (phase) DO UPDATE SET amperes = excluded.amperes, at = excluded.at";
/// Rows follow, then [`OR_REPLACE_LIMITS`].
pub(crate) const PUT_LIMITS: &str = "INSERT INTO charging_limit (charge_point, limits) ";
pub(crate) const OR_REPLACE_LIMITS: &str = " ON CONFLICT (charge_point) DO UPDATE SET limits = excluded.limits";

pub(crate) const CONNECTORS: &str = "SELECT charge_point, number, state, status, error_code, info, updated_at \
     FROM connector ORDER BY charge_point, number";
/// Rows follow, then [`OR_REPLACE_CONNECTOR`].
pub(crate) const PUT_CONNECTORS: &str =
    "INSERT INTO connector (charge_point, number, state, status, error_code, info, updated_at) ";
pub(crate) const OR_REPLACE_CONNECTOR: &str = " ON CONFLICT (charge_point, number) DO UPDATE \
     SET state = excluded.state, status = excluded.status, error_code = excluded.error_code, info = excluded.info, \
     updated_at = excluded.updated_at";

/// Changes nothing when the batch was written before.
pub(crate) const BEGIN_BATCH: &str = "UPDATE site SET last_batch = $1 WHERE id = 1 AND last_batch < $1";
pub(crate) const LAST_BATCH: &str = "SELECT last_batch FROM site WHERE id = 1";

/// Rows follow.
pub(crate) const ADD_FINDINGS: &str =
    "INSERT INTO finding (charge_point, found_at, kind, connector, transaction_id, detail) ";
pub(crate) const LAST_FINDING: &str = "SELECT max(id) FROM finding";
/// Those of a charge point beyond the newest so many.
pub(crate) const PRUNE_FINDINGS: &str = "DELETE FROM finding WHERE charge_point = $1 AND id <= (\
     SELECT id FROM finding WHERE charge_point = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
pub(crate) const FINDINGS: &str = "SELECT charge_point, found_at, kind, connector, transaction_id, detail \
     FROM finding ORDER BY id DESC LIMIT $1";
pub(crate) const FINDINGS_OF: &str = "SELECT charge_point, found_at, kind, connector, transaction_id, detail \
     FROM finding WHERE charge_point = $2 ORDER BY id DESC LIMIT $1";

/// Rows follow.
pub(crate) const ADD_HAPPENINGS: &str =
    "INSERT INTO charge_point_event (charge_point, happened_at, kind, connector, status, detail) ";
pub(crate) const LAST_HAPPENING: &str = "SELECT max(id) FROM charge_point_event";
pub(crate) const HAPPENINGS: &str = "SELECT charge_point, happened_at, kind, connector, status, detail \
     FROM charge_point_event WHERE charge_point = $1 ORDER BY id DESC LIMIT $2";
/// Those of a charge point beyond the newest so many.
pub(crate) const PRUNE_HAPPENINGS: &str = "DELETE FROM charge_point_event WHERE charge_point = $1 AND id <= (\
     SELECT id FROM charge_point_event WHERE charge_point = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";

/// Rows follow.
pub(crate) const ADD_FRAMES: &str = "INSERT INTO frame_part (charge_point, frames, lines) ";
pub(crate) const FRAMES: &str = "SELECT id, charge_point, frames, lines FROM frame_part WHERE charge_point = $1 AND id < $2 \
     ORDER BY id DESC LIMIT $3";
/// The number of the newest part with which there would be too many frames.
pub(crate) const NEWEST_FRAMES_OVER: &str = "SELECT max(id) FROM (SELECT id, \
     sum(frames) OVER (ORDER BY id DESC) AS newer FROM frame_part WHERE charge_point = $1) AS counted \
     WHERE newer > $2";
pub(crate) const PRUNE_FRAMES: &str =
    "DELETE FROM frame_part WHERE charge_point = $1 AND id <= $2 RETURNING CAST(length(lines) AS BIGINT)";
pub(crate) const DROP_OLDEST_FRAMES: &str = "DELETE FROM frame_part \
     WHERE id IN (SELECT id FROM frame_part ORDER BY id LIMIT $1) RETURNING CAST(length(lines) AS BIGINT)";
pub(crate) const FRAME_BYTES: &str = "SELECT CAST(coalesce(sum(length(lines)), 0) AS BIGINT) FROM frame_part";

macro_rules! select_commands {
    ($rest:literal) => {
        concat!("SELECT id, charge_point, action, arguments, state, result, history FROM command ", $rest)
    };
}
/// A number of its own, after the highest one.
pub(crate) const ADD_COMMAND: &str = "INSERT INTO command \
     (charge_point, action, arguments, state, idempotency_key, created_at, updated_at, history) \
     VALUES ($1, $2, $3, $4, $5, $6, $6, $7) RETURNING id";
pub(crate) const UPDATE_COMMAND: &str =
    "UPDATE command SET state = $2, result = $3, history = $4, updated_at = $5 WHERE id = $1";
pub(crate) const COMMAND: &str = select_commands!("WHERE id = $1");
pub(crate) const COMMAND_BY_KEY: &str = select_commands!("WHERE idempotency_key = $1");
pub(crate) const COMMANDS_OF: &str = select_commands!("WHERE charge_point = $1 ORDER BY id DESC LIMIT $2");
pub(crate) const LAST_ANSWERS: &str = select_commands!(
    "WHERE id IN (SELECT max(id) FROM command WHERE charge_point = $1 \
     AND state IN ('accepted', 'effective', 'no_effect') GROUP BY action)"
);
pub(crate) const OPEN_COMMANDS: &str = select_commands!("WHERE state IN ('queued', 'sent', 'accepted') ORDER BY id");

macro_rules! select_diagnostics {
    ($rest:literal) => {
        concat!("SELECT id, charge_point, command_id, name, size, received_at FROM diagnostics_file ", $rest)
    };
}
pub(crate) const BEGIN_DIAGNOSTICS: &str =
    "INSERT INTO diagnostics_file (charge_point, command_id, state) VALUES ($1, $2, 'receiving') RETURNING id";
pub(crate) const GROW_DIAGNOSTICS: &str =
    "UPDATE diagnostics_file SET size = size + $2 WHERE id = $1 AND state = 'receiving'";
pub(crate) const ADD_DIAGNOSTICS_PART: &str =
    "INSERT INTO diagnostics_part (file_id, number, bytes) VALUES ($1, $2, $3)";
pub(crate) const FINISH_DIAGNOSTICS: &str = "UPDATE diagnostics_file SET state = 'whole', name = $2, received_at = $3 \
     WHERE id = $1 AND state = 'receiving'";
pub(crate) const DIAGNOSTICS_OF: &str =
    select_diagnostics!("WHERE charge_point = $1 AND state = 'whole' ORDER BY id DESC");
pub(crate) const DIAGNOSTICS_FILE: &str = select_diagnostics!("WHERE id = $1 AND state = 'whole'");
pub(crate) const DIAGNOSTICS_PART: &str = "SELECT p.bytes FROM diagnostics_part p \
     JOIN diagnostics_file f ON f.id = p.file_id AND f.state = 'whole' WHERE p.file_id = $1 AND p.number = $2";
/// What is on its way counts among the bytes, and is not given up.
pub(crate) const DIAGNOSTICS_BEYOND: &str = "SELECT id FROM (SELECT id, state, \
     sum(CASE WHEN state = 'whole' THEN 1 ELSE 0 END) OVER (PARTITION BY charge_point ORDER BY id DESC) AS files, \
     sum(size) OVER (ORDER BY id DESC) AS bytes FROM diagnostics_file WHERE state <> 'dropped') AS counted \
     WHERE state = 'whole' AND (files > $1 OR bytes > $2) ORDER BY id";
pub(crate) const DROP_DIAGNOSTICS: &str = "UPDATE diagnostics_file SET state = 'dropped' WHERE id = $1";
pub(crate) const DROP_UNFINISHED_DIAGNOSTICS: &str =
    "UPDATE diagnostics_file SET state = 'dropped' WHERE state = 'receiving'";
pub(crate) const SWEEP_DIAGNOSTICS_PARTS: &str = "DELETE FROM diagnostics_part WHERE (file_id, number) IN (\
     SELECT p.file_id, p.number FROM diagnostics_file f JOIN diagnostics_part p ON p.file_id = f.id \
     WHERE f.state = 'dropped' LIMIT $1)";
pub(crate) const SWEEP_DIAGNOSTICS_FILES: &str = "DELETE FROM diagnostics_file WHERE state = 'dropped' \
     AND NOT EXISTS (SELECT 1 FROM diagnostics_part p WHERE p.file_id = diagnostics_file.id)";
pub(crate) const DIAGNOSTICS_TO_SWEEP: &str = "SELECT EXISTS (SELECT 1 FROM diagnostics_file WHERE state = 'dropped')";

pub(crate) const CARDS: &str = "SELECT tag, card_group, blocked, expires_at, note FROM card ORDER BY key";
pub(crate) const PUT_CARD: &str = "INSERT INTO card (key, tag, card_group, blocked, expires_at, note) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key) DO UPDATE SET tag = excluded.tag, \
     card_group = excluded.card_group, blocked = excluded.blocked, expires_at = excluded.expires_at, \
     note = excluded.note";
pub(crate) const REMOVE_CARD: &str = "DELETE FROM card WHERE key = $1";

pub(crate) const ALL_SESSIONS: &str = select_transactions!("ORDER BY id");
pub(crate) const SESSION: &str = select_transactions!("WHERE id = $1");
pub(crate) const SESSIONS_OF_DAY: &str = select_transactions!("WHERE listed_day = $1 ORDER BY id");
pub(crate) const RECENT_SESSIONS: &str =
    select_transactions!("WHERE planned_finish IS NOT NULL ORDER BY planned_finish DESC, id DESC LIMIT $1");
pub(crate) const RUNNING_SESSIONS: &str =
    select_transactions!("WHERE finished_at IS NULL AND started_at IS NOT NULL ORDER BY id");
/// The next ones in the order of their ids, to go through all of them in parts.
pub(crate) const SESSIONS_AFTER: &str = select_transactions!("WHERE id > $1 ORDER BY id LIMIT $2");
/// A running session, with what is needed to carry it on.
pub(crate) const WHOLE_RUNNING: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM \"transaction\" WHERE finished_at IS NULL AND started_at IS NOT NULL ORDER BY id"
);
pub(crate) const WHOLE_SESSION: &str = concat!("SELECT ", session_columns!(), " FROM \"transaction\" WHERE id = $1");
pub(crate) const SESSION_BEGUN: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM \"transaction\" WHERE charge_point = $1 AND told_start = $2 AND register_start = $3 AND connector = $4 \
     AND lower(id_tag) = $5 ORDER BY id DESC LIMIT 1"
);
/// The newest reading of each running session, with those that came with it, in no particular order. Its clock may have been set back
/// meanwhile, by less than a day.
/// Rows follow.
pub(crate) const ADD_SESSIONS: &str = "INSERT INTO \"transaction\" (id, charge_point, connector, cycle, queued_at, \
     started_at, energy_wh, id_tag, listed_day, told_start, received_start, register_start) ";
pub(crate) const LAST_SESSION: &str = "SELECT max(id) FROM \"transaction\"";
/// Before and after the values.
pub(crate) const FINISH_SESSIONS: (&str, &str) = (
    "WITH told (id, finished_at, energy_wh, day, told_stop, received_stop, register_stop, stop_reason, end_assumed) \
     AS (",
    ") UPDATE \"transaction\" SET finished_at = told.finished_at, planned_finish = told.finished_at, \
     energy_wh = told.energy_wh, listed_day = told.day, counted_day = told.day, told_stop = told.told_stop, \
     received_stop = told.received_stop, register_stop = told.register_stop, stop_reason = told.stop_reason, \
     end_assumed = told.end_assumed FROM told WHERE \"transaction\".id = told.id",
);
/// Ids follow, and a bracket.
pub(crate) const SESSIONS_IN: &str = select_transactions!("WHERE id IN (");
/// What a row of a site file puts in the place of one that is there.
pub(crate) const OR_REPLACE_SESSION: &str = " ON CONFLICT (id) DO UPDATE SET charge_point = excluded.charge_point, \
     connector = NULL, cycle = excluded.cycle, queued_at = excluded.queued_at, started_at = excluded.started_at, \
     planned_finish = excluded.planned_finish, finished_at = excluded.finished_at, energy_wh = excluded.energy_wh, \
     id_tag = excluded.id_tag, listed_day = excluded.listed_day, counted_day = excluded.counted_day, \
     told_start = NULL, received_start = NULL, register_start = NULL, told_stop = NULL, received_stop = NULL, \
     register_stop = NULL, stop_reason = NULL, end_assumed = false";

pub(crate) const SESSION_COUNT: &str = "SELECT CAST(coalesce(sum(sessions), 0) AS BIGINT) FROM session_by_day";
pub(crate) const DAYS_WITH_SESSIONS: &str =
    "SELECT DISTINCT day FROM session_by_day WHERE day BETWEEN $1 AND $2 ORDER BY day";
pub(crate) const DAYS_WITH_SESSIONS_OF: &str =
    "SELECT DISTINCT day FROM session_by_day WHERE day BETWEEN $1 AND $2 AND charge_point = $3 ORDER BY day";

pub(crate) const ENERGY_BY_DAY: &str = "SELECT charge_point, day, energy_wh FROM energy_by_day";
/// Behind the rows of [`PUT_ENERGY_BY_DAY`].
pub(crate) const AND_COUNT_ENERGY: &str = " ON CONFLICT (charge_point, day) DO UPDATE \
     SET sessions = energy_by_day.sessions + excluded.sessions, \
     energy_wh = energy_by_day.energy_wh + excluded.energy_wh";
/// Before and after the values, as all of those that take something away.
pub(crate) const UNCOUNT_ENERGY: (&str, &str) = (
    "WITH told (charge_point, day, sessions, energy_wh) AS (",
    ") UPDATE energy_by_day SET sessions = energy_by_day.sessions + told.sessions, \
     energy_wh = energy_by_day.energy_wh + told.energy_wh \
     FROM told WHERE energy_by_day.charge_point = told.charge_point AND energy_by_day.day = told.day",
);
pub(crate) const SWEEP_ENERGY: (&str, &str) =
    ("DELETE FROM energy_by_day WHERE sessions = 0 AND (charge_point, day) IN (", ")");
/// Behind the rows of [`PUT_SESSION_BY_DAY`].
pub(crate) const AND_LIST_SESSION: &str = " ON CONFLICT (day, charge_point, finished) DO UPDATE \
     SET sessions = session_by_day.sessions + excluded.sessions, \
     energy_wh = session_by_day.energy_wh + excluded.energy_wh, \
     time_ms = session_by_day.time_ms + excluded.time_ms, \
     first_id = CASE WHEN excluded.first_id < session_by_day.first_id \
         THEN excluded.first_id ELSE session_by_day.first_id END, \
     last_id = CASE WHEN excluded.last_id > session_by_day.last_id \
         THEN excluded.last_id ELSE session_by_day.last_id END";
pub(crate) const UNLIST_SESSIONS: (&str, &str) = (
    "WITH told (day, charge_point, finished, sessions, energy_wh, time_ms, first_id, last_id) AS (",
    ") UPDATE session_by_day SET sessions = session_by_day.sessions + told.sessions, \
     energy_wh = session_by_day.energy_wh + told.energy_wh, time_ms = session_by_day.time_ms + told.time_ms, \
     first_id = CASE WHEN told.first_id < session_by_day.first_id THEN told.first_id \
         ELSE session_by_day.first_id END, \
     last_id = CASE WHEN told.last_id > session_by_day.last_id THEN told.last_id ELSE session_by_day.last_id END \
     FROM told WHERE session_by_day.day = told.day AND session_by_day.charge_point = told.charge_point \
     AND session_by_day.finished = told.finished",
);
pub(crate) const SWEEP_SESSIONS: (&str, &str) =
    ("DELETE FROM session_by_day WHERE sessions = 0 AND (day, charge_point, finished) IN (", ")");

/// Rows follow.
pub(crate) const PUT_ENERGY_BY_DAY: &str = "INSERT INTO energy_by_day (charge_point, day, sessions, energy_wh) ";
/// Rows follow.
pub(crate) const PUT_SESSION_BY_DAY: &str = "INSERT INTO session_by_day \
     (day, charge_point, finished, sessions, energy_wh, time_ms, first_id, last_id) ";

/// Both tables of sums, from nothing but the sessions.
pub(crate) const REBUILD_SUMS: [&str; 4] = [
    "DELETE FROM energy_by_day",
    "DELETE FROM session_by_day",
    "INSERT INTO energy_by_day (charge_point, day, sessions, energy_wh) \
     SELECT charge_point, counted_day, count(*), CAST(sum(energy_wh) AS BIGINT) \
     FROM \"transaction\" WHERE counted_day IS NOT NULL GROUP BY charge_point, counted_day",
    "INSERT INTO session_by_day (charge_point, day, finished, sessions, energy_wh, time_ms, first_id, last_id) \
     SELECT charge_point, coalesce(listed_day, -2147483648), finished_at IS NOT NULL, count(*), \
     CAST(sum(energy_wh) AS BIGINT), \
     CAST(sum(CASE WHEN finished_at > started_at THEN finished_at - started_at ELSE 0 END) AS BIGINT), \
     min(id), max(id) FROM \"transaction\" \
     GROUP BY charge_point, coalesce(listed_day, -2147483648), finished_at IS NOT NULL",
];

pub(crate) const ADD_TO_JOURNAL: &str = "INSERT INTO meter_journal (batch, readings) VALUES ($1, $2)";
pub(crate) const JOURNAL: &str = "SELECT readings FROM meter_journal ORDER BY batch";
pub(crate) const CLEAR_JOURNAL: &str = "DELETE FROM meter_journal";
/// Rows follow.
pub(crate) const ADD_METER_PARTS: &str = "INSERT INTO meter_part (charge_point, first_at, last_at, readings) ";
/// Those that have something of a span, newest first.
pub(crate) const METER_PARTS: &str = "SELECT last_at, readings FROM meter_part \
     WHERE charge_point = $1 AND last_at >= $2 AND first_at < $3 AND last_at < $4 ORDER BY last_at DESC, id DESC";
pub(crate) const LATEST_METER_PARTS: &str = "SELECT m.readings FROM charge_point c JOIN meter_part m ON m.id = (\
     SELECT l.id FROM meter_part l WHERE l.charge_point = c.id AND l.last_at >= $1 \
     ORDER BY l.last_at DESC, l.id DESC LIMIT 1) ORDER BY c.id";

/// What an earlier version has stored.
pub(crate) const OLD_METER_CHARGE_POINTS: &str = "SELECT DISTINCT charge_point FROM meter_value";
pub(crate) const OLD_METER_VALUES: &str = "SELECT charge_point, connector, transaction_id, measured_at, energy_wh, \
     current_l1, current_l2, current_l3, offered, power, register_wh, received_at, claimed_at FROM meter_value \
     WHERE charge_point = $1 ORDER BY measured_at, id";
pub(crate) const CLEAR_OLD_METER_VALUES: &str = "DELETE FROM meter_value";

pub(crate) const ADD_AUDIT: &str =
    "INSERT INTO audit (at, actor, origin, action, subject, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7)";
/// The columns of [`crate::audit::AuditRow`]; what is asked of them follows.
pub(crate) const AUDIT_LOG_PAGE: &str =
    "SELECT id, at, actor, origin, action, subject, before, after FROM audit WHERE true";

pub(crate) const IS_EMPTY: &str =
    "SELECT NOT EXISTS (SELECT 1 FROM charge_point) AND NOT EXISTS (SELECT 1 FROM \"transaction\")";
/// Everything that a site file stands for and what hangs on it, children before parents; never the audit log or the cards.
pub(crate) const CLEAR: [&str; 23] = [
    "DELETE FROM alert",
    "DELETE FROM diagnostics_part",
    "DELETE FROM diagnostics_file",
    "DELETE FROM charge_point_event",
    "DELETE FROM frame_part",
    "DELETE FROM finding",
    "DELETE FROM meter_value",
    CLEAR_JOURNAL,
    "DELETE FROM meter_part",
    "DELETE FROM command",
    "DELETE FROM connector",
    "DELETE FROM phase_peak",
    "DELETE FROM wiring",
    "DELETE FROM distribution",
    "DELETE FROM distribution_moment",
    "DELETE FROM charging_limit",
    "DELETE FROM charger_password",
    "DELETE FROM \"transaction\"",
    "DELETE FROM energy_by_day",
    "DELETE FROM session_by_day",
    "DELETE FROM charge_point_state",
    "DELETE FROM charge_point",
    "DELETE FROM model",
];
