//! What bit other central systems (OCPP 1.6-J in the field), each line with the test that holds it. Names without a folder are those
//! of this one; `corpus` means the cases in `tests/corpus`, each said over a real socket.
//!
//! | line | held by |
//! |---|---|
//! | the id is percent-decoded, up to 48 characters | `connection::ids_are_percent_decoded_and_have_up_to_48_characters` |
//! | an unknown id: 404, or registered by setting | `connection::an_unknown_id_is_turned_away_…`, `…_is_registered_by_setting_…` |
//! | no common subprotocol, and none offered | `connection::no_common_subprotocol_…`, `a_charger_that_offers_no_subprotocol_…` |
//! | a new connection wins, the old close removes only itself | `connection::a_new_connection_wins_…`, `it_reconnects_twice_at_once_…` |
//! | any frame is alive, the deadline is 3 heartbeats | `connection::any_frame_counts_as_alive_…` |
//! | asked once after a pause; a triggered boot ends nothing | `connection::after_a_reconnect_…`, `a_boot_of_its_own_is_not_asked_about`, `a_trigger_that_is_refused_…` |
//! | a small buffer for each connection | measured: `cargo xtask bench`, memory of idle charge points |
//! | one call outstanding, crossing calls, time-out, ids of a socket | `calls::one_call_of_ours_…`, `a_call_that_is_never_answered_…`, `ids_are_unique_for_a_socket_only` |
//! | errors in every spelling | `calls::every_error_in_every_spelling_is_a_refusal`, `corpus/calls.txt` |
//! | unparsable text closes nothing, an oversized frame does | `corpus/calls.txt`, `corpus::bytes_are_no_frames_…` |
//! | a null payload is an empty object | `corpus/calls.txt`, `calls::a_null_or_missing_payload_of_a_result_…` |
//! | always a result; only what is required and unreadable is an error | `corpus/transactions.txt`, `corpus/data.txt` |
//! | trouble inside is borne for 60 s, then let go without an answer | `bmw-site`: `tests/trouble.rs`; `bmw`: `tests/faults/trouble.rs` |
//! | the same start, the same stop, values told again | `corpus/transactions.txt`; `bmw-domain`: `charger::tests` |
//! | numbers are positive, unique, stored, read as 64-bit | `corpus/transactions.txt`; `bmw`: `tests/faults/death.rs` |
//! | −1 or unknown is kept as an orphan; a rejected card has a session | `corpus/transactions.txt`; `bmw-domain`: `charger::tests` |
//! | a boot or an Available ends a session, a late stop overwrites that | `corpus/transactions.txt` |
//! | sessions queued offline, out of order, all at once | `corpus/transactions.txt`, `calls::a_charger_that_sends_500_…` |
//! | the charge point vanishes in a session | `connection::the_charger_vanishes_in_a_session_and_goes_on_with_it` |
//! | idTags: case, up to 20 characters | `corpus/transactions.txt` |
//! | measurands, units, phases, registers | `corpus/data.txt` |
//! | Celcius, long serial numbers, unknown values, clocks | `corpus/data.txt` |
//! | connectorId 0 | `corpus/data.txt`, `corpus/transactions.txt` |
//! | commands are watched for their effect | `commands`; `end2end/tests/chargers.spec.js`, `end2end/charger.py` |
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod calls;
mod commands;
mod connection;
mod corpus;
mod site;
