//! Whatever text comes as a frame: nothing panics, what is read is read alike again, and every answer is one of the protocol.
#![no_main]

use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::card::Cards;
use bmw_domain::charger::event::Event;
use bmw_domain::charger::{Answer, Changes, ChargePointNow, Context, History};
use bmw_domain::record::{ChargePoint, ChargePointKey, Identity};
use bmw_ocpp::frame::{self, ErrorCode, Frame, NoFrame, PlainCall};
use bmw_ocpp::read;
use bmw_ocpp::write::{self, Form};
use libfuzzer_sys::fuzz_target;
use ocpp_kit::decode::DecodeOptions;
use ocpp_kit::v1_6::{Action, CsResponse};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const HEARTBEAT: Duration = Duration::from_secs(60);

fuzz_target!(|text: &str| {
    // What is read on the short way is read alike on the long one.
    if let Some(plain) = PlainCall::of(text)
        && let Ok(event) = read::event(plain.action, Some(plain.payload), NOW)
    {
        let Ok(Frame::Call { id, action, payload }) = Frame::read(text) else { panic!("{text}") };
        assert_eq!((plain.id, plain.action), (id, action.as_ref()));
        assert_eq!(Ok(event), read::event(&action, payload.map(RawValue::get), NOW));
    }
    match Frame::read(text) {
        Ok(Frame::Call { id, action, payload }) => call(id, &action, payload),
        Ok(Frame::Result { id, payload }) => {
            let payload = payload.map_or("{}", RawValue::get);
            let again = frame::result(&serde_json::to_string(&id).unwrap(), payload);
            let Ok(Frame::Result { id: same, payload: read }) = Frame::read(&again) else { panic!("{again}") };
            assert_eq!((same, read.map_or("{}", RawValue::get)), (id, payload));
        }
        Ok(Frame::Error { .. }) | Err(NoFrame::Unreadable) => {}
        Err(NoFrame::BrokenCall(id)) => check_refusal(&frame::error(&id, ErrorCode::FormationViolation, "x"), &id),
    }
});

fn call(id: &str, action: &str, payload: Option<&RawValue>) {
    // As it would be sent: it is read alike again.
    let action_again = serde_json::to_string(action).unwrap();
    let again = format!("[2,{id},{action_again},{}]", payload.map_or("{}", RawValue::get));
    let Ok(Frame::Call { id: same, action: action_read, payload: payload_read }) = Frame::read(&again) else {
        panic!("{again}")
    };
    assert_eq!((same, action_read.as_ref()), (id, action));
    let read = read::event(action, payload.map(RawValue::get), NOW);
    let expected = if payload.is_none() { None } else { payload_read };
    assert_eq!(read, read::event(action, expected.map(RawValue::get), NOW));
    match read {
        Ok(event) => answer(id, action, event),
        Err(_) => check_refusal(&frame::error(id, ErrorCode::FormationViolation, "a \"text\"\n"), id),
    }
}

/// What a charge point of which nothing is known would be answered.
fn answer(id: &str, action: &str, event: Event) {
    let point = ChargePoint::unknown(Identity::new("A").unwrap());
    let mut now = ChargePointNow::new(ChargePointKey(1), point, None);
    let (mut last_id, mut changes) = (0, Changes::default());
    let mut context = Context {
        arrival: NOW,
        cards: &Cards::new([], true),
        models: &HashMap::new(),
        history: History::default(),
        last_id: &mut last_id,
        changes: &mut changes,
    };
    let form = Form::of(&event);
    // The same message again is answered alike.
    let first = now.hear(event.clone(), &mut context);
    let payload = write::payload(form, &first, NOW, HEARTBEAT);
    let second = now.hear(event, &mut context);
    assert_eq!(payload, write::payload(form, &second, NOW, HEARTBEAT));
    assert_ne!(first, Answer::NoNumberLeft);
    let text = frame::result(id, &payload);
    let parts: Vec<&RawValue> = serde_json::from_str(&text).unwrap();
    assert_eq!((parts[0].get(), parts[1].get(), parts.len()), ("3", id, 3));
    let protocol = Action::from_wire(action).unwrap();
    if let Err(error) = CsResponse::decode(protocol, parts[2], &DecodeOptions::pedantic()) {
        panic!("{text}: {error:?}");
    }
}

fn check_refusal(text: &str, id: &str) {
    let parts: Vec<&RawValue> = serde_json::from_str(text).unwrap();
    assert_eq!((parts[0].get(), parts[1].get(), parts.len()), ("4", id, 5));
    assert!(serde_json::from_str::<Value>(parts[4].get()).unwrap().is_object());
}
