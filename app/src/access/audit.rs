//! The audit log, for administrators: to look through, and as CSV.

use super::{AUDIT, Asked, Pages};
use crate::api::ApiError;
use crate::audit::{NOBODY, Question, account_and_token, place_text};
use crate::components::{Glyph, Span, card, choice, empty, icon, input, link_button, select, tag};
use crate::data::Query;
use crate::download::{self, quoted};
use crate::pages::{Column, cell, link, plain, row_head, table};
use crate::text::Lang;
use crate::text::audit::{areas, kinds_of};
use crate::ui;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bmw_domain::account::Right;
use bmw_domain::calendar::Timestamp;
use bmw_site::access::AccessError;
use bmw_site::{Clock, NotDone};
use bmw_store::{AuditEntry, AuditPlace, StoredAudit};
use http::{Method, StatusCode};
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;

/// The CSV.
const CSV_PATH: &str = "/audit/export.csv";
/// Entries of one part of the page.
const ROWS: u32 = 50;
/// Entries of the CSV that are read from the store at a time.
const CSV_ROWS: u32 = 1000;
/// Changes of an entry that are in sight at once.
const IN_SIGHT: usize = 6;
/// The most changes of an entry that are shown, and characters of each value.
const CHANGES_MOST: usize = 200;
const VALUE_MOST: usize = 160;

/// What charge points do: under the names that they claim, so nobody else is named as who did it.
const BY_CHARGERS: [&str; 3] = ["charger.register", "charger.password.first_use", "charger.password.used"];

/// What the page shows.
struct Log<'a> {
    lang: Lang,
    clock: &'a Clock,
    question: &'a Question,
    entries: &'a [StoredAudit],
    /// Where the next part begins.
    next: Option<AuditPlace>,
    accounts: Vec<String>,
    chargers: Vec<String>,
}

/// `GET /audit/`
pub(super) async fn page(State(pages): State<Pages>, asked: Asked) -> Response {
    let instead = |error: &AccessError| pages.instead(error, &asked, AUDIT, Lang::audit_log);
    let question = Question::read(&asked.query);
    let site = &pages.state.site;
    let filter = question.filter(site.clock());
    // One more than is shown tells whether there is another part.
    let found = match site.audit_log(&filter, question.before, ROWS + 1, &asked.caller).await {
        Ok(found) => found,
        Err(NotDone::Denied(denied)) => return instead(&denied.into()),
        Err(NotDone::Store(error)) => return instead(&error.into()),
    };
    let accounts = match pages.access().accounts(&asked.caller).await {
        Ok(accounts) => accounts.into_iter().map(|account| account.name.to_string()).collect(),
        Err(error) => return instead(&error),
    };
    let present = site.present().clone();
    let chargers = present.by_identity().map(|now| now.charge_point.identity.to_string()).collect();
    let entries = &found[..found.len().min(ROWS as usize)];
    let next = entries.last().filter(|_| found.len() > entries.len()).map(StoredAudit::place);
    pages.answer((StatusCode::OK, &asked), AUDIT, Lang::audit_log, |lang| {
        Log { lang, clock: site.clock(), question: &question, entries, next, accounts, chargers }.draw()
    })
}

impl Log<'_> {
    fn draw(&self) -> Markup {
        let lang = self.lang;
        let download = html! {
            a.button href=(self.question.address().on(CSV_PATH)) download {
                (icon(Glyph::DOWNLOAD)) span { (lang.download_csv()) }
            }
        };
        let clear = link_button(AUDIT, lang.clear_filters(), Some(Glyph::X));
        let body = html! {
            p.muted { (lang.audit_help()) }
            (self.filters())
            @if !self.entries.is_empty() {
                (self.entries())
            } @else if self.question.is_open() && self.question.before.is_none() {
                (empty(Glyph::INBOX, lang.audit_empty(), "", &html! {}))
            } @else {
                (empty(Glyph::INBOX, lang.audit_none(), "", &clear))
            }
        };
        card("audit", Span::All, lang.audit_log(), &download, &body)
    }

    fn filters(&self) -> Markup {
        let (lang, question) = (self.lang, self.question);
        let known = self.accounts.iter().any(|name| name.eq_ignore_ascii_case(&question.account));
        let others = [("terminal", lang.audit_terminal()), (NOBODY, lang.audit_site_or_nobody())];
        let is_other = question.account.is_empty() || others.iter().any(|(word, _)| *word == question.account);
        let accounts = html! {
            (choice("", lang.audit_all_accounts(), question.account.is_empty()))
            @if !known && !is_other { (choice(&question.account, &question.account, true)) }
            @for name in &self.accounts { (choice(name, name, name.eq_ignore_ascii_case(&question.account))) }
            @for (word, name) in others { (choice(word, name, word == question.account)) }
        };
        let kinds = html! {
            (choice("", lang.audit_all_kinds(), question.kind.is_empty()))
            @for area in areas() {
                optgroup label=(lang.audit_area(area)) {
                    (choice(area, &lang.audit_all_of(area), area == question.kind))
                    @for kind in kinds_of(area) { (choice(&kind, &lang.audit_kind(&kind), kind == question.kind)) }
                }
            }
        };
        let day = |day: Option<_>| day.map(|day: bmw_domain::calendar::Day| day.to_string()).unwrap_or_default();
        html! {
            form.filters method="get" action=(AUDIT) {
                (select(lang.audit_who(), "account", &accounts))
                (select(lang.audit_what(), "kind", &kinds))
                label.filter {
                    span { (lang.audit_subject()) }
                    input type="search" name="subject" list="audit-subjects" autocomplete="off" value=(question.subject)
                        placeholder=(lang.audit_subject_hint());
                }
                datalist id="audit-subjects" { @for id in &self.chargers { option value=(id) {} } }
                (input("date", lang.from(), "from", &day(question.from)))
                (input("date", lang.to(), "to", &day(question.to)))
                button.button type="submit" { (icon(Glyph::SEARCH)) span { (lang.filter()) } }
            }
        }
    }

    fn entries(&self) -> Markup {
        let lang = self.lang;
        let columns = [
            (lang.audit_when(), false),
            (lang.audit_who(), false),
            (lang.audit_what(), false),
            (lang.audit_subject(), false),
            (lang.audit_from(), false),
            (lang.audit_change(), false),
        ];
        let rows = html! { @for stored in self.entries { (self.row(&columns, &stored.entry)) } };
        let address = self.question.address();
        let newest = self.question.before.map(|_| (address.clone(), lang.newest()));
        let older = self.next.map(|next| (address.with("before", place_text(next)), lang.older()));
        html! {
            div.table-box { (table("data audit-log", lang.audit_log(), &columns, &rows, &html! {})) }
            nav.parts aria-label=(lang.audit_log()) {
                @for (query, label) in newest.into_iter().chain(older) {
                    a.button href=(query.on(AUDIT)) { span { (label) } }
                }
            }
        }
    }

    fn row(&self, columns: &[Column<'_>; 6], entry: &AuditEntry) -> Markup {
        let [when, who, what, subject, from, change] = *columns;
        let at = self.clock.zone().local(entry.at);
        html! {
            tr {
                (row_head(when, &html! { time datetime=(at.with_t()) { (at.with_space()) } }))
                (cell(who, &self.who(entry)))
                (cell(what, &html! { (self.lang.audit_kind(&entry.action)) }))
                (cell(subject, &on_what(entry)))
                (cell(from, &html! { span.audit-from { (plain(if entry.origin == entry.actor { "" } else { &entry.origin })) } }))
                (cell(change, &self.changes(entry)))
            }
        }
    }

    /// Who, as a link to all that he did.
    fn who(&self, entry: &AuditEntry) -> Markup {
        let lang = self.lang;
        if BY_CHARGERS.contains(&entry.action.as_str()) {
            return html! { span.muted { (lang.audit_charger()) } };
        }
        let href = Query::from([("account", &entry.actor)]).on(AUDIT);
        match (entry.actor.as_str(), account_and_token(&entry.actor)) {
            ("", _) if entry.origin.is_empty() => html! { span.muted { (lang.audit_site()) } },
            ("", _) => html! { span.muted { (lang.audit_nobody()) } },
            ("terminal", _) if entry.origin == "terminal" => link(&href, lang.audit_terminal()),
            (_, (account, None)) => link(&href, account),
            (_, (account, Some(token))) => html! { (link(&href, account)) " " (tag(token)) },
        }
    }

    fn changes(&self, entry: &AuditEntry) -> Markup {
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let changes = changes(&json(&entry.before), &json(&entry.after), &entry.subject);
        let line = |change: &Change| {
            let part = change.path.last().map_or("", String::as_str);
            // What a command asks for is in the protocol's own words.
            let is_payload = change.path.first().is_some_and(|first| first == "arguments");
            let value = |value: &Value| {
                let text = self.value(part, value);
                html! { @if is_payload { code { (text) } } @else { (text) } }
            };
            html! {
                li {
                    @if !change.path.is_empty() {
                        span.muted {
                            @match self.lang.audit_part(&change.path) { Ok(words) => (words), Err(name) => code { (name) } }
                            (self.lang.colon())
                        }
                    }
                    @if let Some(before) = &change.before { del { (value(before)) } " → " }
                    @match &change.after {
                        Some(after) => ins { (value(after)) },
                        None => "–",
                    }
                }
            }
        };
        let (first, rest) = changes.split_at(changes.len().min(IN_SIGHT));
        html! {
            @if changes.is_empty() {
                (plain(""))
            } @else {
                div.audit-change {
                    ul { @for change in first { (line(change)) } }
                    @if !rest.is_empty() {
                        details.group {
                            summary { (icon(Glyph::CHEVRON_RIGHT)) span { (self.lang.audit_more(rest.len())) } }
                            ul { @for change in rest.iter().take(CHANGES_MOST) { (line(change)) } }
                        }
                    }
                }
            }
        }
    }

    /// A value in words.
    fn value(&self, part: &str, value: &Value) -> String {
        let lang = self.lang;
        let text = match value {
            Value::Bool(value) => if *value { lang.on() } else { lang.off() }.to_owned(),
            Value::Number(ms) if ["expires", "expires_at", "since"].contains(&part) => {
                let at = ms.as_i64().map(|ms| self.clock.zone().local(Timestamp(ms)));
                at.map(bmw_domain::calendar::LocalTime::with_space).unwrap_or_default()
            }
            Value::String(text) => lang.audit_word(part, text).map_or_else(|| text.clone(), ToOwned::to_owned),
            other => other.to_string(),
        };
        if text.is_empty() {
            return "–".to_owned();
        }
        let is_long = text.chars().nth(VALUE_MOST).is_some();
        if is_long { text.chars().take(VALUE_MOST).chain(['…']).collect() } else { text }
    }
}

/// On what, as a link to all that was done on it.
fn on_what(entry: &AuditEntry) -> Markup {
    if entry.subject.is_empty() {
        return plain("");
    }
    link(&Query::from([("subject", &entry.subject)]).on(AUDIT), &entry.subject)
}

/// A part of something that has changed.
#[derive(Debug, Clone, PartialEq)]
struct Change {
    /// Where it stands.
    path: Vec<String>,
    before: Option<Value>,
    after: Option<Value>,
}

/// What differs between two values of JSON. What says no more than on what it was done is left out.
fn changes(before: &Value, after: &Value, subject: &str) -> Vec<Change> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten(before, &mut Vec::new(), &mut old);
    flatten(after, &mut Vec::new(), &mut new);
    let mut paths: Vec<&Vec<String>> = new.keys().chain(old.keys().filter(|path| !new.contains_key(*path))).collect();
    paths.sort();
    let change = |path: &Vec<String>| {
        let (before, after) = (old.get(path).cloned(), new.get(path).cloned());
        let text = after.as_ref().and_then(Value::as_str);
        let is_name = text.is_some_and(|text| text == subject || path.iter().any(|part| part == text));
        let says_nothing = before.is_none() && is_name;
        let path = || path.iter().filter(|part| *part != subject).cloned().collect();
        (before != after && !says_nothing).then(|| Change { path: path(), before, after })
    };
    paths.into_iter().filter_map(change).collect()
}

/// The single values of a value, each by where it stands; nothing is no value. Cards among others are told apart by their names.
fn flatten(value: &Value, path: &mut Vec<String>, out: &mut BTreeMap<Vec<String>, Value>) {
    match value {
        Value::Null => {}
        Value::Object(parts) => {
            for (name, part) in parts {
                path.push(name.clone());
                flatten(part, path, out);
                path.pop();
            }
        }
        // The limits of the phases stand for themselves.
        Value::Array(parts) if parts.iter().all(is_single) && path.last().is_none_or(|name| name != "max_current") => {
            let parts: Vec<String> = parts.iter().map(single).collect();
            if !parts.is_empty() {
                out.insert(path.clone(), parts.join(", ").into());
            }
        }
        Value::Array(parts) => {
            for (number, part) in (1..).zip(parts) {
                let name = part["tag"].as_str().map_or_else(|| i32::to_string(&number), ToOwned::to_owned);
                path.push(name);
                flatten(part, path, out);
                path.pop();
            }
        }
        Value::String(text) if text.is_empty() => {}
        single => {
            out.insert(path.clone(), single.clone());
        }
    }
}

const fn is_single(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_))
}

/// A single value as text.
fn single(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// `GET /audit/export.csv`: what the page's filter lets through, newest first. Streamed: it may be millions.
pub(super) async fn csv(State(pages): State<Pages>, method: Method, asked: Asked) -> Response {
    let Asked { caller, headers, query } = asked;
    if let Err(denied) = caller.check(Right::Audit) {
        return ApiError::from(denied).into_response();
    }
    let question = Question::read(&query);
    let what: serde_json::Map<String, Value> =
        question.address().pairs().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let site = pages.state.site.clone();
    if let Err(error) = pages.state.note_download("export.audit", "", &what.into(), (&method, &caller)).await {
        return ApiError::from(error).into_response();
    }
    let (lang, _) = ui::chosen_by(&headers);
    let head = [download::MARK, "id,time,utc_ms,who,address,kind,what,subject,before,after\r\n"].concat();
    let first = futures::stream::iter([Ok::<_, io::Error>(Bytes::from(head))]);
    let asked = (site.clone(), question.filter(site.clock()), caller.clone());
    let parts = futures::stream::try_unfold(Some(None), move |position| {
        let (site, filter, caller) = asked.clone();
        async move {
            let Some(before) = position else { return Ok(None) };
            let found = site.audit_log(&filter, before, CSV_ROWS, &caller).await.map_err(|error| {
                tracing::error!(%error, "the CSV of the audit log");
                io::Error::other("the store failed")
            })?;
            let Some(last) = found.last() else { return Ok(None) };
            let next = (found.len() == CSV_ROWS as usize).then_some(Some(last.place()));
            let text: String = found.iter().map(|stored| csv_line(lang, site.clock(), stored)).collect();
            Ok(Some((Bytes::from(text), next)))
        }
    });
    let body = download::body(&pages.state, caller, futures::StreamExt::chain(first, parts));
    download::as_file(body.into_response(), download::CSV, "audit.csv")
}

fn csv_line(lang: Lang, clock: &Clock, StoredAudit { id, entry }: &StoredAudit) -> String {
    let fields = [
        id.to_string().into(),
        clock.zone().local(entry.at).with_space().into(),
        entry.at.0.to_string().into(),
        quoted(&entry.actor),
        quoted(&entry.origin),
        quoted(&entry.action),
        lang.audit_kind(&entry.action),
        quoted(&entry.subject),
        quoted(&entry.before),
        quoted(&entry.after),
    ];
    fields.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(before: &Value, after: &Value, subject: &str) -> Vec<String> {
        let text = |value: Option<Value>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let changes = changes(before, after, subject).into_iter();
        changes.map(|it| format!("{} {} {}", it.path.join("."), text(it.before), text(it.after))).collect()
    }

    #[test]
    fn only_what_differs_is_shown() {
        let before = json!({ "a": 1, "b": { "c": true, "d": "x" }, "max_current": [32, 32, 32], "gone": "y",
            "empty": "", "none": [] });
        let after = json!({ "a": 1, "b": { "c": false, "d": "x" }, "max_current": [32, 16, 32], "new": "z",
            "empty": null, "ids": [1, "x"] });
        let expected = ["b.c true false", "gone \"y\" -", "ids - \"1, x\"", "max_current.2 32 16", "new - \"z\""];
        assert_eq!(told(&before, &after, ""), expected);
        assert!(told(&Value::Null, &json!("NEW"), "NEW").is_empty(), "on what it was done is said beside it");
        assert_eq!(told(&Value::Null, &json!("NEW"), ""), [" - \"NEW\""]);
        let card = |tag: &str, note: &str| json!({ "tag": tag, "note": note });
        let (before, after) = (json!([card("A", "x")]), json!([card("B", "z"), card("A", "y")]));
        assert_eq!(told(&before, &after, ""), ["A.note \"x\" \"y\"", "B.note - \"z\""]);
        assert_eq!(told(&json!([]), &json!([card("A", "x")]), "A"), ["note - \"x\""], "one alone is beside it as well");
    }
}
