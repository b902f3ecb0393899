//! All accounts, for administrators.

use super::{Asked, Fields, Pages, Said, USERS, deed, entry, field, form, led, list, number, role, roles};
use crate::components::{Glyph, Span, badge, card, icon, tag};
use crate::pages::plain;
use crate::text::Lang;
use axum::extract::{Form, State};
use axum::response::Response;
use bmw_domain::account::{Account, AccountKey, Role};
use bmw_domain::status::Condition;
use bmw_site::Clock;
use bmw_site::access::AccessError;
use maud::{Markup, html};

/// `GET /users/`
pub(super) async fn page(State(pages): State<Pages>, asked: Asked) -> Response {
    show(&pages, &asked, asked.said(), &Fields::new()).await
}

/// `POST /users/`: the field `deed` says what.
pub(super) async fn change(State(pages): State<Pages>, asked: Asked, Form(fields): Form<Fields>) -> Response {
    let (access, caller) = (pages.access(), &asked.caller);
    let key = AccountKey(number(&fields, "id"));
    let password = field(&fields, "password");
    let done = match (field(&fields, "deed"), role(&fields)) {
        ("add", Ok(role)) => {
            access.add_account(caller, field(&fields, "name").trim(), password, role).await.map(|_| ())
        }
        ("role", Ok(role)) => access.set_role(caller, key, role).await,
        ("add" | "role", Err(error)) => Err(error),
        ("disable", _) => access.set_disabled(caller, key, true).await,
        ("enable", _) => access.set_disabled(caller, key, false).await,
        ("password", _) => access.reset_password(caller, key, password).await,
        ("factor-off", _) => access.reset_second_factor(caller, key).await,
        _ => Err(AccessError::Unknown),
    };
    match led(done, USERS) {
        Ok(response) => response,
        Err(error) => show(&pages, &asked, Said::Failed(&error), &fields).await,
    }
}

/// The page, with what was typed into a form that was refused.
async fn show(pages: &Pages, asked: &Asked, said: Said<'_>, typed: &Fields) -> Response {
    let accounts = match pages.access().accounts(&asked.caller).await {
        Ok(accounts) => accounts,
        Err(error) => return pages.instead(&error, asked, USERS, Lang::users),
    };
    let own = asked.caller.who().map(|who| who.account);
    pages.say(asked, said, USERS, Lang::users, |lang| {
        let accounts = all(lang, pages.state.site.clock(), &accounts, own, typed);
        html! {
            div.grid {
                (card("user-list", Span::All, lang.users(), &html! {}, &accounts))
                (card("user-form", Span::All, lang.user_add(), &html! {}, &add(lang, typed)))
            }
        }
    })
}

fn all(lang: Lang, clock: &Clock, accounts: &[Account], own: Option<AccountKey>, typed: &Fields) -> Markup {
    let columns = [lang.account_name(), lang.state(), lang.since(), lang.role_name(), lang.account_actions()];
    let row = |account: &Account| {
        let is_own = own == Some(account.key);
        [
            html! { (account.name.as_str()) @if is_own { " " (tag(lang.yourself())) } },
            state_of(lang, account),
            plain(clock.zone().local(account.created_at).day().to_string()),
            role_of(lang, account, is_own),
            deeds(lang, account, is_own, typed),
        ]
    };
    list(lang.users(), columns, accounts.iter().map(row))
}

fn state_of(lang: Lang, account: &Account) -> Markup {
    html! {
        @if account.is_disabled {
            (badge(Condition::Unknown, lang.disabled()))
        } @else {
            (badge(Condition::Ready, lang.active()))
        }
        @if account.has_second_factor { " " (tag(lang.second_factor())) }
    }
}

fn role_of(lang: Lang, account: &Account, is_own: bool) -> Markup {
    if is_own {
        return html! { span title=(lang.account_own()) { (lang.role(account.role)) } };
    }
    form_of(
        account,
        &html! {
            select name="role" aria-label=(lang.role_name()) { (roles(lang, Role::Administrator, account.role)) }
            (deed("role", Glyph::SAVE, lang.save()))
        },
    )
}

fn deeds(lang: Lang, account: &Account, is_own: bool, typed: &Fields) -> Markup {
    // Where another password was refused, the next one is typed.
    let is_open = field(typed, "deed") == "password" && number(typed, "id") == account.key.0;
    let (word, name, glyph) = if account.is_disabled {
        ("enable", lang.enable(), Glyph::CIRCLE_CHECK)
    } else {
        ("disable", lang.disable(), Glyph::POWER_OFF)
    };
    html! {
        div.account-deeds {
            @if is_own {
                // One's own password is changed, and one's own second factor turned off, by who knows them.
                button.button type="button" aria-disabled="true" title=(lang.account_own()) { (icon(glyph)) span { (name) } }
            } @else {
                (form_of(account, &deed(word, glyph, name)))
                @if account.has_second_factor {
                    (form_of(account, &deed("factor-off", Glyph::X, lang.factor_reset())))
                }
                details.group open[is_open] {
                    summary { (icon(Glyph::CHEVRON_RIGHT)) span { (lang.password_reset()) } }
                    (form_of(account, &html! {
                        (entry("password", lang.password_new(), "password", "new-password", ""))
                        (deed("password", Glyph::KEY, lang.save()))
                    }))
                }
            }
        }
    }
}

fn form_of(account: &Account, body: &Markup) -> Markup {
    form(USERS, Some(account.key.0), body)
}

fn add(lang: Lang, typed: &Fields) -> Markup {
    let nothing = Fields::new();
    let typed = if field(typed, "deed") == "add" { typed } else { &nothing };
    let fields = html! {
        (entry("text", lang.account_name(), "name", "off", field(typed, "name")))
        (entry("password", lang.password(), "password", "new-password", ""))
        label.filter {
            span { (lang.role_name()) }
            select name="role" { (roles(lang, Role::Administrator, role(typed).unwrap_or(Role::Viewer))) }
        }
        (deed("add", Glyph::USERS, lang.user_add()))
    };
    html! {
        p.muted { (lang.account_name_help()) " " (lang.password_help()) }
        (form(USERS, None, &fields))
        ul.muted { @for role in Role::ALL { li { (lang.labelled(lang.role(role), lang.role_help(role))) } } }
    }
}
