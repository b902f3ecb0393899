//! The audit log for programs.

use super::error::{ApiError, FieldErrors};
use super::params::Params;
use super::{Shared, reply_read, to_json};
use crate::access::Asking;
use crate::audit::{Question, account_and_token, place, place_text};
use axum::extract::{Request, State};
use axum::response::Response;
use bmw_domain::account::Right;
use bmw_domain::field::FieldError;
use bmw_site::Caller;
use bmw_store::StoredAudit;
use bytes::Bytes;
use http::HeaderValue;
use http::Uri;
use http::header::CACHE_CONTROL;
use serde_json::Value;
use utoipa::ToSchema;

/// Entries when nothing was said, and the most.
const USUAL: i64 = 100;
const MOST: i64 = 1_000;

/// A part of the audit log.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditAnswer {
    /// The entries, newest first.
    entries: Vec<AuditLine>,
    /// `before` of the next part; `null` when there is none.
    #[schema(required)]
    next: Option<String>,
}

/// Who did what, from where and when.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditLine {
    id: i64,
    /// Local, `2015-11-24T15:09:47`.
    time: String,
    /// The same in ms since 1970 in UTC.
    utc_ms: i64,
    /// Who: the account, `terminal` for the command line; empty for the site itself, and for somebody who has not signed in.
    #[schema(example = "admin")]
    account: String,
    /// The name of the token, where it was a program.
    #[schema(required)]
    token: Option<String>,
    /// From where: an address, or `terminal`; empty for the site itself.
    #[schema(example = "192.168.0.7")]
    address: String,
    /// What, such as `settings.save` or `command.Reset`.
    #[schema(example = "settings.save")]
    kind: String,
    /// On what: a charger, an account, a card; empty where it is one thing only, or several.
    subject: String,
    /// What it was before; `null` for nothing.
    #[schema(value_type = Value)]
    before: Value,
    /// What it was after; `null` for nothing.
    #[schema(value_type = Value)]
    after: Value,
}

/// Who did what, newest first
///
/// What is asked for narrows it all together. Passwords, tokens and other secrets are in no entry. An administrator's token, or
/// session, is needed.
#[utoipa::path(
    get, path = "/api/audit/", tag = "access",
    security(("token" = []), ("session" = [])),
    params(
        ("account" = Option<String>, Query, description = "By this account and its tokens, or by one of them: `name (token)`. `terminal` is the command line, `()` the site itself or somebody who has not signed in.", example = "admin"),
        ("kind" = Option<String>, Query, description = "Of this kind, such as `settings.save`, or of all that begin so: `command`.", example = "command"),
        ("subject" = Option<String>, Query, description = "On this charger, account or card, in either case.", example = "10245006"),
        ("from" = Option<String>, Query, format = Date, description = "On or after this day, `YYYY-MM-DD`.", example = "2015-11-24"),
        ("to" = Option<String>, Query, format = Date, description = "On or before this day, `YYYY-MM-DD`.", example = "2015-11-24"),
        ("before" = Option<String>, Query, pattern = "^[0-9]{1,15}-[0-9]{1,18}$", description = "Below this place: `next` of the part before."),
        ("num" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "How many; 100 when it is absent.", example = 100),
    ),
    responses(
        (status = 200, body = AuditAnswer, description = "The entries"),
        (status = 400, body = FieldErrors, description = "A parameter is wrong"),
    ),
)]
pub(super) async fn list(State(api): State<Shared>, Asking(caller): Asking, request: Request) -> Response {
    let mut response = reply_read(answer(&api, request.uri(), &caller).await);
    // It is not meant for everybody.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn answer(api: &Shared, uri: &Uri, caller: &Caller) -> Result<Bytes, ApiError> {
    // Before anything is looked at: who may not is told that first.
    caller.check(Right::Audit)?;
    let mut params = Params::new(uri);
    let mut text = |name| params.text(name).unwrap_or_default().into_owned();
    let (account, kind, subject) = (text("account"), text("kind"), text("subject"));
    let (from, to) = (params.day("from"), params.day("to"));
    let before = params.read("before", |text| place(text).ok_or(FieldError::NotAChoice));
    let num = params.whole("num", 1..=MOST).unwrap_or(USUAL);
    params.finish()?;
    let question = Question { account, kind, subject, from, to, before };
    let num = usize::try_from(num).unwrap_or_default();
    let site = &api.app.site;
    // One more than is given tells whether there is another part.
    let most = u32::try_from(num + 1).unwrap_or(u32::MAX);
    let mut found = site.audit_log(&question.filter(site.clock()), question.before, most, caller).await?;
    let is_more = found.len() > num;
    found.truncate(num);
    let next = found.last().filter(|_| is_more).map(|last| place_text(last.place()));
    let line = |StoredAudit { id, entry }: StoredAudit| {
        let json = |text: &str| serde_json::from_str(text).unwrap_or_default();
        let (account, token) = account_and_token(&entry.actor);
        AuditLine {
            id,
            time: site.clock().zone().local(entry.at).with_t(),
            utc_ms: entry.at.0,
            account: account.to_owned(),
            token: token.map(ToOwned::to_owned),
            before: json(&entry.before),
            after: json(&entry.after),
            address: entry.origin,
            kind: entry.action,
            subject: entry.subject,
        }
    };
    to_json(&AuditAnswer { entries: found.into_iter().map(line).collect(), next })
}
