//! What bit other central systems (OCPP 1.6-J in the field), each line with the tests that hold it, by the file or the module that
//! they are in. The cases of `tests/corpus` are told by `corpus`, each over a real socket.
//!
//! | line | held by |
//! |---|---|
//! | **Connection** |  |
//! | the id is percent-decoded, up to 48 characters | `connection::ids_are_percent_decoded_and_have_up_to_48_characters` |
//! | an unknown id: 404, or registered by setting | `connection::an_unknown_id_is_turned_away_with_404_and_remembered`, `connection::an_unknown_id_is_registered_by_setting_also_when_it_comes_twice_at_once` |
//! | no common subprotocol | `connection::no_common_subprotocol_finishes_the_handshake_without_one_and_closes` |
//! | none offered: 1.6 when the setting says so | `connection::a_charger_that_offers_no_subprotocol_is_taken_as_1_6`, `connection::a_charger_that_offers_no_subprotocol_is_let_go_where_the_setting_says_so` |
//! | a new connection wins, the old close removes only itself | `connection::a_new_connection_wins_and_the_old_ones_close_removes_only_itself`, `connection::it_reconnects_twice_at_once_again_and_again_and_one_connection_is_left` |
//! | any frame counts as alive, the deadline is 3 heartbeats | `connection::any_frame_counts_as_alive_and_the_read_deadline_is_3_heartbeats`, `connection::any_frame_is_the_newest_contact_and_no_message` |
//! | a close is answered | `connection::a_close_is_answered` |
//! | asked once after a pause, a boot only without a session; a triggered boot ends nothing | `connection::after_a_reconnect_it_is_asked_once_after_a_pause_and_a_boot_that_we_triggered_ends_nothing`, `connection::a_boot_of_its_own_is_not_asked_about`, `connection::a_trigger_that_is_refused_makes_the_next_boot_one_of_its_own`, `connection::a_boot_long_after_it_was_asked_for_is_one_of_its_own` |
//! | **Calls** |  |
//! | a frame buffer of 4 KiB will do | `handshake::a_connection_holds_no_more_than_4_kib_for_its_frames_and_takes_64_kib`; measured by `cargo xtask bench` |
//! | one call outstanding, crossing calls, no wait inside the read loop | `calls::one_call_of_ours_is_outstanding_and_crossing_calls_are_answered_meanwhile` |
//! | time-out 30 s | `calls::a_call_that_is_never_answered_times_out_and_the_next_one_is_sent` |
//! | ids are unique for a socket only | `calls::ids_are_unique_for_a_socket_only` |
//! | errors in every spelling | `calls::every_error_in_every_spelling_is_a_refusal`, `corpus::frames_that_broke_others_calls` |
//! | unparsable text closes nothing, an oversized frame does | `corpus::frames_that_broke_others_calls`, `corpus::bytes_are_no_frames_and_close_nothing` |
//! | a null payload is an empty object | `corpus::frames_that_broke_others_calls`, `calls::a_null_or_missing_payload_of_a_result_is_an_empty_object` |
//! | **Transactions** |  |
//! | always a result; only what is required and unreadable is an error | `corpus::frames_that_broke_others_transactions`, `read::only_a_required_field_that_is_missing_or_unreadable_is_an_error`, `read::what_is_told_of_sessions_is_read_wherever_it_can_be` |
//! | trouble inside is retried for up to 60 s | `trouble::what_fails_for_a_while_is_answered_when_it_is_stored_and_stored_once`, `trouble::a_database_that_is_locked_for_35_s_makes_charge_points_wait`, `trouble::a_file_system_that_is_full_for_35_s_makes_charge_points_wait` |
//! | then it is let go without an answer | `trouble::what_fails_for_too_long_is_not_answered_and_told_again_it_is_stored_once`, `trouble::a_database_that_is_locked_for_75_s_lets_charge_points_go_without_an_answer` |
//! | the same start gives the same number | `corpus::frames_that_broke_others_transactions`, `charger::the_same_start_gives_the_same_number`, `charger::a_start_from_before_the_servers_own_start_is_asked_about` |
//! | the same stop is answered again and changes nothing | `corpus::frames_that_broke_others_transactions`, `charger::the_same_stop_is_answered_again_and_changes_nothing` |
//! | values told again are stored once | `corpus::frames_that_broke_others_transactions`, `charger::values_that_are_repeated_are_stored_once` |
//! | numbers are positive, unique, stored | `desk::what_is_answered_is_stored_however_many_tell_at_once`, `death::nothing_that_was_answered_is_missing_or_double_after_a_kill`, `charger::numbers_end_with_the_last_one` |
//! | they are read as 64-bit | `corpus::frames_that_broke_others_transactions`, `read::numbers_may_be_text_and_ids_are_read_as_64_bit` |
//! | −1 or unknown is kept as an orphan, no connector is guessed | `corpus::frames_that_broke_others_transactions`, `charger::a_stop_or_values_of_an_unknown_session_are_kept_for_the_operator`, `charger::what_is_found_again_and_again_is_told_once`, `charger::what_flows_in_a_session_that_nobody_knows_flows_on_the_sites_lines` |
//! | a rejected card has a number and a session | `corpus::frames_that_broke_others_transactions`, `charger::a_rejected_card_still_gets_a_session` |
//! | a boot of its own ends a session, a late stop overwrites that | `corpus::frames_that_broke_others_transactions`, `charger::a_boot_of_its_own_ends_a_session_that_lost_its_stop_and_a_late_stop_overwrites_that`, `desk::a_late_stop_is_booked_once_over_a_restart` |
//! | so does an Available of its own connector | `corpus::frames_that_broke_others_transactions`, `charger::available_ends_only_the_session_of_its_own_connector_and_only_one_that_began_before` |
//! | sessions queued offline, out of order, all at once | `corpus::frames_that_broke_others_transactions`, `charger::sessions_queued_offline_arrive_later_and_their_own_times_count`, `calls::a_charger_that_sends_500_queued_messages_at_once_is_answered_in_order` |
//! | the charge point vanishes in a session | `connection::the_charger_vanishes_in_a_session_and_goes_on_with_it` |
//! | idTags: case, up to 20 characters | `corpus::frames_that_broke_others_transactions`, `card::names_of_cards_are_equal_ignoring_case`, `card::unknown_cards_follow_the_setting_and_longer_names_are_none` |
//! | **Data** |  |
//! | no measurand, no unit, kWh | `corpus::frames_that_broke_others_data`, `read::no_measurand_is_the_register_of_energy_and_no_unit_is_wh` |
//! | phases as L1 or L1-N, or missing | `corpus::frames_that_broke_others_data`, `read::phases_come_as_l1_or_l1_n_or_not_at_all` |
//! | registers that restart, go backwards, jump, or say −1 | `corpus::frames_that_broke_others_data`, `meter::energy_never_falls`, `meter::a_jump_is_flagged_and_not_booked`, `meter::minus_one_is_no_reading` |
//! | Celcius, unknown values | `corpus::frames_that_broke_others_data`, `read::unknown_measurands_units_locations_and_names_are_no_error` |
//! | serial numbers of over 25 characters | `corpus::frames_that_broke_others_data`, `read::long_serial_numbers_are_kept` |
//! | times without a zone | `corpus::frames_that_broke_others_data`, `read::times_with_and_without_a_zone` |
//! | clocks of 1970 or ahead | `corpus::frames_that_broke_others_data`, `charger::a_clock_of_1970_or_a_day_ahead_is_flagged_and_the_arrival_counts` |
//! | connectorId 0 is the whole | `corpus::frames_that_broke_others_data`, `charger::of_several_connectors_the_most_active_speaks_and_zero_only_of_the_whole` |
//! | what is measured is configured as far as it is let | `connection::what_is_measured_is_configured_as_far_as_the_charger_lets_it` |
//! | **Commands** |  |
//! | each is asked for | `commands::each_is_asked_for_by_its_name_and_with_its_payload` |
//! | accepted is not yet done: it is watched for its effect | `commands::availability_is_seen_by_the_status`, `commands::an_update_is_seen_by_its_end`, `commands::what_is_not_seen_in_time_has_no_effect`, `commands::what_is_told_after_an_acceptance_comes_after_it` |
//! | limits that are accepted hold | `calls::limits_that_it_accepts_are_the_most_that_it_may_draw`, `desk::what_covers_the_states_of_connectors_and_what_limits_them_goes_on_over_a_restart` |
//! | **Passwords** (security whitepaper, profiles 0 to 2) |  |
//! | one that has a password must bring it, in either form; an empty one is none | `passwords::one_that_has_a_password_must_bring_it_and_others_come_as_before`, `passwords::digits_and_the_bytes_that_they_stand_for_are_one_password`, `proof::names_are_read_as_charge_points_write_them` |
//! | some first come without, and with it after a 401 | `passwords::refusals_are_noted_now_and_then_with_the_address` |
//! | who guesses does not keep the charge point out | `passwords::who_guesses_waits_and_the_charge_point_does_not` |
//! | a new one that was lost on its way keeps it not out either | `passwords::one_that_is_sent_takes_the_place_of_the_old_one_when_it_is_used`, `passwords::one_that_is_refused_or_never_leaves_is_forgotten` |
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod calls;
mod commands;
mod connection;
mod corpus;
mod passwords;
mod site;

use std::path::Path;

/// Whether a test of this name is somewhere below a folder.
fn is_there(folder: &Path, test: &str) -> bool {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| !path.ends_with("target")).any(|path| {
        let is_code = path.extension().is_some_and(|extension| extension == "rs");
        (path.is_dir() && is_there(&path, test))
            || (is_code && std::fs::read_to_string(&path).unwrap().contains(&format!("fn {test}(")))
    })
}

#[test]
fn each_line_is_held_by_tests_that_are_there() {
    let lines = include_str!("main.rs").lines().filter_map(|line| line.strip_prefix("//! | "));
    for line in lines.filter(|line| !line.starts_with("line ") && !line.starts_with("**")) {
        let mut named = line.split('`').skip(1).step_by(2).peekable();
        assert!(named.peek().is_some(), "{line}");
        // What is measured is no test.
        for name in named.filter(|name| !name.starts_with("cargo xtask ")) {
            let Some((_, test)) = name.split_once("::") else { panic!("{name} is no test") };
            let folders = ["crates", "server/tests"];
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            assert!(folders.iter().any(|folder| is_there(&root.join(folder), test)), "{test}");
        }
    }
}
