//! All accounts, for administrators.

use super::{Asking, Fields, Pages, USERS, entry, failed, field, lead, number, role, roles, sign_in_for, tell_when};
use crate::components::{Glyph, NoticeKind, Span, badge, card, icon, notice, tag};
use crate::data::Query;
use crate::pages::{cell, plain, row_head, table};
use crate::text::Lang;
use axum::extract::{Form, RawQuery, State};
use axum::response::Response;
use bmw_domain::account::{Account, AccountKey, Role};
use bmw_domain::status::Condition;
use bmw_site::access::AccessError;
use bmw_site::{Caller, Clock, Denied};
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};

/// `GET /users/`
pub(super) async fn page(
    State(pages): State<Pages>,
    Asking(caller): Asking,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Query::parse(&query.unwrap_or_default());
    show(&pages, &caller, &headers, query.get("said").is_some(), None).await
}

/// `POST /users/`: the field `deed` says what.
pub(super) async fn change(
    State(pages): State<Pages>,
    Asking(caller): Asking,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let access = pages.access();
    let key = AccountKey(number(&fields, "id"));
    let password = field(&fields, "password");
    let done = match (field(&fields, "deed"), role(&fields)) {
        ("add", Some(role)) => {
            access.add_account(&caller, field(&fields, "name").trim(), password, role).await.map(|_| ())
        }
        ("role", Some(role)) => access.set_role(&caller, key, role).await,
        ("disable", _) => access.set_disabled(&caller, key, true).await,
        ("enable", _) => access.set_disabled(&caller, key, false).await,
        ("password", _) => access.reset_password(&caller, key, password).await,
        _ => Err(AccessError::Unknown),
    };
    match done {
        Ok(()) => lead("/users/?said=1"),
        Err(AccessError::Denied(Denied::NotSignedIn)) => lead(&sign_in_for(USERS)),
        Err(error) => show(&pages, &caller, &headers, false, Some(&error)).await,
    }
}

async fn show(
    pages: &Pages,
    caller: &Caller,
    headers: &HeaderMap,
    is_done: bool,
    error: Option<&AccessError>,
) -> Response {
    let accounts = match pages.access().accounts(caller).await {
        Ok(accounts) => accounts,
        Err(AccessError::Denied(denied)) => return pages.refused(denied, headers, caller, USERS),
        Err(error) => {
            let status = failed(Lang::En, &error).0;
            return pages.answer((status, headers, caller), USERS, Lang::users, |lang| {
                notice(NoticeKind::Error, &html! { (failed(lang, &error).1) })
            });
        }
    };
    let status = error.map_or(StatusCode::OK, |error| failed(Lang::En, error).0);
    let own = caller.who().map(|who| who.account);
    let mut response = pages.answer((status, headers, caller), USERS, Lang::users, |lang| {
        html! {
            @if is_done { (notice(NoticeKind::Success, &html! { (lang.saved()) })) }
            @if let Some(error) = error { (notice(NoticeKind::Error, &html! { (failed(lang, error).1) })) }
            div.grid {
                (card("user-list", Span::All, lang.users(), &html! {}, &list(lang, pages.state.site.clock(), &accounts, own)))
                (card("user-form", Span::All, lang.user_add(), &html! {}, &add(lang)))
            }
        }
    });
    if let Some(error) = error {
        tell_when(&mut response, error);
    }
    response
}

fn list(lang: Lang, clock: &Clock, accounts: &[Account], own: Option<AccountKey>) -> Markup {
    let columns = [
        (lang.account_name(), false),
        (lang.state(), false),
        (lang.since(), false),
        (lang.role_name(), false),
        (lang.account_actions(), false),
    ];
    let [name, state, since, role, actions] = columns;
    let rows = html! {
        @for account in accounts {
            @let is_own = own == Some(account.key);
            tr {
                (row_head(name, &html! { (account.name.as_str()) @if is_own { " " (tag(lang.yourself())) } }))
                (cell(state, &state_of(lang, account)))
                (cell(since, &plain(clock.zone().local(account.created_at).day().to_string())))
                (cell(role, &role_of(lang, account, is_own)))
                (cell(actions, &deeds(lang, account, is_own)))
            }
        }
    };
    html! { div.table-box { (table("data", lang.users(), &columns, &rows, &html! {})) } }
}

fn state_of(lang: Lang, account: &Account) -> Markup {
    if account.is_disabled {
        badge(Condition::Faulted, lang.disabled())
    } else {
        badge(Condition::Charging, lang.active())
    }
}

fn role_of(lang: Lang, account: &Account, is_own: bool) -> Markup {
    if is_own {
        return html! { span title=(lang.account_own()) { (lang.role(account.role)) } };
    }
    form(
        account,
        &html! {
            select name="role" aria-label=(lang.role_name()) { (roles(lang, Role::Administrator, account.role)) }
            button.button type="submit" name="deed" value="role" { (icon(Glyph::SAVE)) span { (lang.save()) } }
        },
    )
}

fn deeds(lang: Lang, account: &Account, is_own: bool) -> Markup {
    let (deed, name, glyph) = if account.is_disabled {
        ("enable", lang.enable(), Glyph::CIRCLE_CHECK)
    } else {
        ("disable", lang.disable(), Glyph::POWER_OFF)
    };
    html! {
        div.account-deeds {
            @if is_own {
                button.button type="button" aria-disabled="true" title=(lang.account_own()) { (icon(glyph)) span { (name) } }
            } @else {
                (form(account, &html! {
                    button.button type="submit" name="deed" value=(deed) { (icon(glyph)) span { (name) } }
                }))
            }
            // One's own is changed by who knows the old one.
            @if !is_own {
                details.group {
                    summary { (icon(Glyph::CHEVRON_RIGHT)) span { (lang.password_reset()) } }
                    (form(account, &html! {
                        (entry("password", lang.password_new(), "password", "new-password", ""))
                        button.button type="submit" name="deed" value="password" { (icon(Glyph::KEY)) span { (lang.save()) } }
                    }))
                }
            }
        }
    }
}

fn form(account: &Account, body: &Markup) -> Markup {
    html! {
        form.account-form method="post" action=(USERS) {
            input type="hidden" name="id" value=(account.key.0);
            (body)
        }
    }
}

fn add(lang: Lang) -> Markup {
    html! {
        p.muted { (lang.account_name_help()) " " (lang.password_help()) }
        form.account-form method="post" action=(USERS) {
            (entry("text", lang.account_name(), "name", "off", ""))
            (entry("password", lang.password(), "password", "new-password", ""))
            label.filter {
                span { (lang.role_name()) }
                select name="role" { (roles(lang, Role::Administrator, Role::Viewer)) }
            }
            button.button type="submit" name="deed" value="add" { (icon(Glyph::USERS)) span { (lang.user_add()) } }
        }
        ul.muted { @for role in Role::ALL { li { (lang.role(role)) ": " (lang.role_help(role)) } } }
    }
}
