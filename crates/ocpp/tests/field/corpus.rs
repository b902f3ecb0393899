//! The frames of `tests/corpus`, said over a real socket.

use crate::site::Served;
use bmw_domain::calendar::Timestamp;
use bmw_domain::record::Transaction;
use bmw_site::Clock;
use bmw_testkit::charger::{Charger, written};
use std::fmt::Write as _;

/// A step of a case.
#[derive(Debug)]
enum Step {
    Say(String),
    Answer(String),
    Nothing,
    Closed,
    Known(String, String),
}

/// Some frames of one charge point.
#[derive(Debug)]
struct Case {
    name: String,
    steps: Vec<Step>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            cases.push(Case { name: name.to_owned(), steps: Vec::new() });
            continue;
        }
        let step = match (line.get(..2), line.get(2..)) {
            (Some("> "), Some(frame)) => Step::Say(frame.replace('␀', "\0")),
            (Some("< "), Some("nothing")) => Step::Nothing,
            (Some("< "), Some("closed")) => Step::Closed,
            (Some("< "), Some(frame)) => Step::Answer(frame.to_owned()),
            (Some("= "), Some(known)) => {
                let (what, value) = known.split_once(' ').unwrap_or((known, ""));
                Step::Known(what.to_owned(), value.to_owned())
            }
            _ if line.is_empty() => continue,
            _ => panic!("what is this? {line}"),
        };
        cases.last_mut().expect("a case begins with its name").steps.push(step);
    }
    cases
}

/// What stands for other things in the frames of a case.
struct Words {
    now: Timestamp,
    id: String,
}

impl Words {
    /// Puts in what the words in braces stand for. Braces of JSON never look like them.
    fn expand(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some((value, length)) = self.word(rest) {
                out.push_str(&value);
                rest = &rest[length..];
            } else {
                out.push('{');
                rest = &rest[1..];
            }
        }
        out + rest
    }

    /// What the word at the beginning stands for, and how long the word is.
    fn word(&self, text: &str) -> Option<(String, usize)> {
        if text.starts_with("{id}") {
            return Some((self.id.clone(), 4));
        }
        if let Some(rest) = text.strip_prefix("{now") {
            let end = rest.find('}')?;
            let seconds: i64 = if end == 0 { 0 } else { rest[..end].parse().ok()? };
            return Some((written(self.now.0 + seconds * 1000), "{now}".len() + end));
        }
        let star = text
            .find('*')
            .filter(|star| (2..=8).contains(star) && text.get(2..*star).is_none_or(|unit| !unit.contains('{')))?;
        let end = star + text[star..].find('}')?;
        let times: usize = text[star + 1..end].parse().ok()?;
        Some((text[1..star].repeat(times), end + 1))
    }

    /// Whether a text is as expected. A number where `{id}` stands is remembered.
    fn is_as_expected(&mut self, text: &str, expected: &str) -> bool {
        // Each part must follow the one before it; what lies between is anything, or a number.
        let expected = match expected.split_once("{id}") {
            None => self.expand(expected),
            Some((before, after)) => {
                let before = self.expand(before);
                let Some(rest) = text.strip_prefix(before.as_str()) else { return false };
                let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                rest[..digits].clone_into(&mut self.id);
                format!("{before}{}{}", self.id, self.expand(after))
            }
        };
        let mut parts = expected.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let parts: Vec<&str> = parts.collect();
        let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
        for part in middle {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

/// Says a case. What went wrong, where something did.
async fn say(site: &Served, identity: &str, case: &Case) -> Result<(), String> {
    let mut words = Words { now: Clock::real(), id: String::new() };
    let mut charger = site.plug_in(identity).await;
    let mut is_closed = false;
    for step in &case.steps {
        match step {
            Step::Say(frame) => {
                // A frame that is too large may be refused before all of it is sent.
                charger.say(words.expand(frame)).await.or_else(|error| match case.steps.last() {
                    Some(Step::Closed) => Ok(()),
                    _ => Err(error.to_string()),
                })?;
            }
            Step::Answer(expected) => {
                let answer = charger.answer().await.map_err(|error| error.to_string())?;
                if !words.is_as_expected(&answer, expected) {
                    return Err(format!("answered {:.300}, not {:.300}", answer, words.expand(expected)));
                }
            }
            Step::Nothing => is_alive(&mut charger).await?,
            Step::Closed => {
                charger.closed().await.map_err(|error| error.to_string())?;
                is_closed = true;
            }
            Step::Known(what, value) => {
                let (known, value) = (known(site, identity, what, &words).await, words.expand(value));
                if known != value {
                    return Err(format!("{what} is {known}, not {value}"));
                }
            }
        }
    }
    if !is_closed {
        is_alive(&mut charger).await?;
    }
    Ok(())
}

/// That the next thing which comes is the answer to what is asked now.
async fn is_alive(charger: &mut Charger) -> Result<(), String> {
    charger.say(r#"[2,"still here","Heartbeat",{}]"#).await.map_err(|error| error.to_string())?;
    match charger.answer().await {
        Ok(answer) if answer.starts_with(r#"[3,"still here",{"#) => Ok(()),
        other => Err(format!("instead of a sign of life {other:.300?}")),
    }
}

/// What is known of a charge point.
async fn known(site: &Served, identity: &str, what: &str, words: &Words) -> String {
    let now = site.now(identity);
    let sessions = site.sessions(identity).await;
    let told = |session: &Transaction| format!("{}", session.id.0) == words.id;
    // The one that the case is about, as memory has it while it runs.
    let running = now.running.iter().map(|session| &session.transaction).find(|session| told(session));
    let session = running.or_else(|| sessions.iter().find(|session| told(session)));
    let moment = |at: Option<Timestamp>| match at {
        None => "-".to_owned(),
        Some(at) if (words.now..=Clock::real()).contains(&at) => "arrival".to_owned(),
        Some(at) => written(at.0),
    };
    match what {
        "state" => now.state_name().unwrap_or("-").to_owned(),
        "energy" => session.map_or_else(|| "-".to_owned(), |session| session.energy.wh().to_string()),
        "total" => now.charge_point.total_energy.unwrap_or_default().wh().to_string(),
        "card" => session.and_then(|session| session.id_tag.clone()).unwrap_or_default(),
        "started" => moment(session.and_then(|session| session.started_at)),
        "finished" => moment(session.and_then(|session| session.finished_at)),
        "running" => now.running.len().to_string(),
        "sessions" => sessions.len().to_string(),
        "serial" => now.charge_point.serial_number.clone().unwrap_or_default(),
        "values" => {
            let all = (Timestamp(0), Timestamp(i64::MAX));
            site.store.meter_values(now.key, all.0, all.1, 1_000).await.unwrap().len().to_string()
        }
        "currents" => {
            let currents = now.currents(Clock::real()).unwrap_or_default();
            currents.0.map(|line| line.map_or_else(|| "-".to_owned(), |amperes| amperes.to_string())).join(" ")
        }
        "found" => {
            let found = site.findings(identity).await;
            found.iter().map(|kind| format!("{kind:?}")).collect::<Vec<_>>().join(" ")
        }
        other => panic!("what is {other}?"),
    }
}

async fn chapter(name: &str, text: &str) {
    let site = Served::open().await;
    let cases = cases(text);
    assert!(!cases.is_empty());
    let mut wrong = String::new();
    for (number, case) in cases.iter().enumerate() {
        if let Err(error) = say(&site, &format!("{name}{number}"), case).await {
            writeln!(wrong, "{}: {error}", case.name).unwrap();
        }
    }
    assert!(wrong.is_empty(), "of {} cases of {name}:\n{wrong}", cases.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_broke_others_calls() {
    chapter("calls", include_str!("../corpus/calls.txt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_broke_others_transactions() {
    chapter("transactions", include_str!("../corpus/transactions.txt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_broke_others_data() {
    chapter("data", include_str!("../corpus/data.txt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_no_frames_and_close_nothing() {
    let site = Served::open().await;
    let mut charger = site.plug_in("A").await;
    charger.say_bytes(br#"[2,"1","Heartbeat",{}]"#.to_vec()).await.unwrap();
    charger.say_bytes(vec![0, 255, 254]).await.unwrap();
    is_alive(&mut charger).await.unwrap();
    charger.ping().await.unwrap();
    is_alive(&mut charger).await.unwrap();
}

#[test]
fn words_stand_for_what_the_readme_says() {
    let mut words = Words { now: Timestamp(0), id: "7".to_owned() };
    assert_eq!(
        words.expand(r#"{"a":"{x*3}","b":{id},"c":"{now+1}","d":{{"e":*2}1{}*2}}"#),
        r#"{"a":"xxx","b":7,"c":"1970-01-01T00:00:01.000Z","d":{"e":{"e":1}}}"#
    );
    assert!(words.is_as_expected(r#"[3,"1",{"id":42,"x":"abc"}]"#, r#"[3,"1",{"id":{id},"x":"a*c"}]"#));
    assert_eq!(words.id, "42");
    assert!(!words.is_as_expected("[3,1]", "[3,1,*]"));
}
