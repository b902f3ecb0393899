//! One's own account: password, second factor, sign-ins, and tokens of one's programs.

use super::{
    Asked, Fields, OWN, Pages, SIGN_IN, Said, code_entry, deed, entry, field, form, keep_in, lead, led, list, number,
    role, roles,
};
use crate::components::{Glyph, Span, card, icon, tag};
use crate::on_site::qr;
use crate::pages::plain;
use crate::text::Lang;
use axum::extract::{Form, State};
use axum::response::Response;
use bmw_domain::account::{ProgramToken, Right, Role, SignIn};
use bmw_domain::calendar::Timestamp;
use bmw_site::access::{AccessError, By, Choice, Credentials, NewOwnToken, OwnFactor, Proof, Setup, SignedIn, Who};
use bmw_site::{Clock, Denied};
use maud::{Markup, html};

/// How long tokens may hold, days; the first is the usual one, 0 is without end.
const DAYS: [i64; 4] = [365, 90, 30, 0];

/// What the page shows.
struct Own<'a> {
    lang: Lang,
    who: &'a Who,
    factor: &'a OwnFactor,
    /// What was typed into a form that was refused.
    typed: &'a Fields,
    sign_ins: &'a [SignIn],
    tokens: &'a [ProgramToken],
    clock: &'a Clock,
    now: Timestamp,
}

/// `GET /account/`
pub(super) async fn page(State(pages): State<Pages>, asked: Asked) -> Response {
    show(&pages, &asked, asked.said(), &Fields::new()).await
}

/// `POST /account/`: the field `deed` says what.
pub(super) async fn change(State(pages): State<Pages>, asked: Asked, Form(fields): Form<Fields>) -> Response {
    let (access, caller, visitor) = (pages.access(), &asked.caller, asked.visitor());
    let proof = Proof { password: field(&fields, "password"), code: field(&fields, "code"), visitor };
    let (mut anew, nothing) = (None, Fields::new());
    let done = match field(&fields, "deed") {
        "password" => {
            let changed = access.change_password(caller, field(&fields, "old"), field(&fields, "new"), visitor).await;
            changed.map(|signed_in| anew = Some(signed_in))
        }
        "end" => access.end_sign_in(caller, number(&fields, "id")).await,
        "end-others" => access.end_other_sign_ins(caller).await,
        "revoke" => access.remove_token(caller, number(&fields, "id")).await,
        "token" => {
            let made = match wanted(&fields) {
                Ok(wanted) => access.add_token(caller, wanted, proof).await,
                Err(error) => Err(error),
            };
            match made {
                Ok(secret) => return show(&pages, &asked, Said::Token(&secret), &nothing).await,
                Err(error) => Err(error),
            }
        }
        "factor-begin" => access.begin_second_factor(caller, visitor).await.map(|signed_in| anew = Some(signed_in)),
        "factor-leave" => access.leave_second_factor(caller),
        "factor-on" => match access.turn_on_second_factor(caller, proof).await {
            Ok((codes, signed_in)) => return show_anew(&pages, asked, Said::Codes(&codes), &signed_in).await,
            Err(error) => Err(error),
        },
        "factor-codes" => match access.renew_recovery_codes(caller, proof).await {
            Ok(codes) => return show(&pages, &asked, Said::Codes(&codes), &nothing).await,
            Err(error) => Err(error),
        },
        "factor-off" => {
            let off = access.turn_off_second_factor(caller, proof).await;
            off.map(|signed_in| anew = Some(signed_in))
        }
        _ => Err(AccessError::Unknown),
    };
    // Somebody may have ended his own sign-in.
    if done.is_ok() && anew.is_none() && !access.still_holds(caller) {
        return lead(SIGN_IN);
    }
    // What is being set up is no change that was made.
    let is_set_up = done.is_ok() && matches!(field(&fields, "deed"), "factor-begin" | "factor-leave");
    let led = if is_set_up { Ok(lead("/account/#second-factor")) } else { led(done, OWN) };
    match led {
        Ok(mut response) => {
            if let Some(signed_in) = &anew {
                keep_in(&mut response, signed_in);
            }
            response
        }
        Err(error) => show(&pages, &asked, Said::Failed(&error), &fields).await,
    }
}

/// The token that a form asks for.
fn wanted(fields: &Fields) -> Result<NewOwnToken<'_>, AccessError> {
    let days = DAYS.into_iter().find(|days| field(fields, "days") == days.to_string());
    let days = days.ok_or(AccessError::Choice(Choice::Days))?;
    Ok(NewOwnToken { name: field(fields, "name"), role: role(fields)?, days: (days > 0).then_some(days) })
}

/// The page for a browser that has been signed in anew.
async fn show_anew(pages: &Pages, mut asked: Asked, said: Said<'_>, signed_in: &SignedIn) -> Response {
    let proof = Credentials::Cookie(signed_in.secret.as_str());
    asked.caller = match pages.access().identify(proof, asked.visitor().address) {
        Ok(caller) => caller,
        Err(denied) => return pages.instead(&denied.into(), &asked, OWN, Lang::own_account),
    };
    let mut response = show(pages, &asked, said, &Fields::new()).await;
    keep_in(&mut response, signed_in);
    response
}

async fn show(pages: &Pages, asked: &Asked, said: Said<'_>, typed: &Fields) -> Response {
    let (access, caller) = (pages.access(), &asked.caller);
    let lists = access.sign_ins(caller).and_then(|own| Ok((own, access.tokens(caller)?)));
    let (who, (sign_ins, tokens)) = match (caller.who(), lists) {
        (Some(who), Ok(lists)) => (who, lists),
        (_, Err(denied)) => return pages.instead(&denied.into(), asked, OWN, Lang::own_account),
        (None, Ok(_)) => return pages.instead(&Denied::NotSignedIn.into(), asked, OWN, Lang::own_account),
    };
    let factor = match access.second_factor(caller).await {
        Ok(factor) => factor,
        Err(error) => return pages.instead(&error, asked, OWN, Lang::own_account),
    };
    let clock = pages.state.site.clock();
    pages.say(asked, said, OWN, Lang::own_account, |lang| {
        let (sign_ins, tokens) = (&sign_ins, &tokens);
        Own { lang, who, factor: &factor, typed, sign_ins, tokens, clock, now: Clock::real() }.draw()
    })
}

impl Own<'_> {
    fn draw(&self) -> Markup {
        let lang = self.lang;
        html! {
            div.grid {
                (card("who", Span::One, self.who.name.as_str(), &html! { (tag(lang.role(self.who.role))) }, &self.who()))
                (card("password", Span::Two, lang.password_change(), &html! {}, &self.password()))
                (card("second-factor", Span::All, lang.second_factor(), &self.factor_state(), &self.factor()))
                (card("sign-ins", Span::All, lang.sign_ins(), &html! {}, &self.sign_ins()))
                (card("tokens", Span::All, lang.tokens(), &html! {}, &self.tokens()))
            }
        }
    }

    fn who(&self) -> Markup {
        let lang = self.lang;
        html! {
            p.muted { (lang.role_help(self.who.role)) }
            div.account-form {
                @if self.who.role.may(Right::Users) {
                    a.button href=(super::USERS) { (icon(Glyph::USERS)) span { (lang.users()) } }
                }
                form method="post" action="/log_out/" {
                    button.button type="submit" { (icon(Glyph::LOG_OUT)) span { (lang.sign_out()) } }
                }
            }
        }
    }

    /// For those who keep passwords: whose this one is.
    fn named(&self) -> Markup {
        html! {
            span hidden { input type="text" name="username" autocomplete="username" value=(self.who.name.as_str()); }
        }
    }

    fn password(&self) -> Markup {
        let lang = self.lang;
        let fields = html! {
            (self.named())
            (entry("password", lang.password_old(), "old", "current-password", ""))
            (entry("password", lang.password_new(), "new", "new-password", ""))
            (deed("password", Glyph::SAVE, lang.save()))
        };
        html! {
            p.muted { (lang.password_help()) }
            (form(OWN, None, &fields))
        }
    }

    fn factor_state(&self) -> Markup {
        let is_on = matches!(self.factor, OwnFactor::On { .. });
        tag(if is_on { self.lang.factor_on() } else { self.lang.factor_off() })
    }

    fn factor(&self) -> Markup {
        let lang = self.lang;
        match self.factor {
            OwnFactor::Off => html! {
                p.muted { (lang.factor_help()) }
                (form(OWN, None, &deed("factor-begin", Glyph::KEY, lang.factor_begin())))
            },
            OwnFactor::Begun(setup) => self.setup(setup),
            OwnFactor::On { codes_left } => html! {
                p { (lang.codes_left(*codes_left)) }
                p.muted { (lang.factor_change_help()) }
                (form(OWN, None, &html! {
                    (self.proof())
                    (deed("factor-codes", Glyph::REFRESH_CW, lang.codes_renew()))
                    (deed("factor-off", Glyph::POWER_OFF, lang.factor_end()))
                }))
            },
        }
    }

    /// What is asked for again where the second factor changes.
    fn proof(&self) -> Markup {
        html! {
            (self.named())
            (entry("password", self.lang.password_old(), "password", "current-password", ""))
            (code_entry(self.lang))
        }
    }

    fn setup(&self, setup: &Setup) -> Markup {
        let lang = self.lang;
        html! {
            div.factor-setup {
                (qr::draw(&setup.address, lang.factor_scan()))
                div {
                    p { (lang.factor_scan()) }
                    p.muted { (lang.factor_type()) }
                    p { code.token { (setup.secret) } }
                    p.muted { a href=(setup.address) { (lang.factor_open()) } }
                    p.muted { code.token { (setup.address) } }
                }
            }
            p.muted { (lang.factor_confirm()) }
            (form(OWN, None, &html! { (self.proof()) (deed("factor-on", Glyph::CIRCLE_CHECK, lang.factor_begin())) }))
            (form(OWN, None, &deed("factor-leave", Glyph::X, lang.cancel())))
        }
    }

    fn local(&self, at: Timestamp) -> String {
        self.clock.zone().local(at).with_space()
    }

    fn sign_ins(&self) -> Markup {
        let lang = self.lang;
        let row = |sign_in: &SignIn| {
            [
                html! {
                    span title=(sign_in.user_agent) { (device_name(lang, &sign_in.user_agent)) }
                    @if self.who.by == By::SignIn(sign_in.id) { " " (tag(lang.this_device())) }
                },
                plain(&sign_in.address),
                html! {
                    (self.local(sign_in.last_seen)) " "
                    small.age { (lang.ago(self.now.since(sign_in.last_seen))) }
                },
                form(OWN, Some(sign_in.id), &deed("end", Glyph::X, lang.end_it())),
            ]
        };
        let columns = [lang.device(), lang.address(), lang.last_seen(), lang.account_actions()];
        html! {
            p.muted { (lang.sign_ins_help()) }
            (list(lang.sign_ins(), columns, self.sign_ins.iter().map(row)))
            @if self.sign_ins.len() > 1 {
                (form(OWN, None, &deed("end-others", Glyph::LOG_OUT, lang.end_others())))
            }
        }
    }

    fn tokens(&self) -> Markup {
        let lang = self.lang;
        let row = |token: &ProgramToken| {
            [
                plain(&token.name),
                plain(lang.role(token.role.min(self.who.role))),
                html! {
                    @match token.expires_at {
                        Some(at) => { (self.local(at)) @if at <= self.now { " " (tag(lang.expired())) } }
                        None => (lang.never()),
                    }
                },
                plain(token.last_used.map(|at| self.local(at)).unwrap_or_default()),
                form(OWN, Some(token.id), &deed("revoke", Glyph::X, lang.revoke())),
            ]
        };
        let columns = [lang.token_name(), lang.role_name(), lang.expires(), lang.last_seen(), lang.account_actions()];
        let nothing = Fields::new();
        let typed = if field(self.typed, "deed") == "token" { self.typed } else { &nothing };
        let fields = html! {
            (entry("text", lang.token_name(), "name", "off", field(typed, "name")))
            label.filter {
                span { (lang.role_name()) }
                select name="role" { (roles(lang, self.who.role, role(typed).unwrap_or(Role::Viewer))) }
            }
            label.filter {
                span { (lang.holds_for()) }
                select name="days" {
                    @for days in DAYS {
                        option value=(days) selected[field(typed, "days") == days.to_string()] { (lang.days_or_ever(days)) }
                    }
                }
            }
            (self.named())
            (entry("password", lang.password_old(), "password", "current-password", ""))
            @if matches!(self.factor, OwnFactor::On { .. }) { (code_entry(lang)) }
            (deed("token", Glyph::KEY, lang.token_add()))
        };
        html! {
            p.muted { (lang.tokens_help()) }
            @if !self.tokens.is_empty() { (list(lang.tokens(), columns, self.tokens.iter().map(row))) }
            (form(OWN, None, &fields))
        }
    }
}

/// What a browser calls itself, as a person would call it: this phone, that computer.
fn device_name(lang: Lang, user_agent: &str) -> String {
    let first = |known: &[(&str, &'static str)]| {
        known.iter().find(|(word, _)| user_agent.contains(word)).map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Firefox/", "Firefox"),
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => lang.unknown().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_names() {
        for (user_agent, name) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1",
                "Safari, iPhone",
            ),
            ("Mozilla/5.0 (Linux; Android 15) Chrome/131.0 Mobile Safari/537.36", "Chrome, Android"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox, Linux"),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/131.0 Safari/537.36 Edg/131.0", "Edge, Windows"),
            ("curl/8", "Unknown"),
        ] {
            assert_eq!(device_name(Lang::En, user_agent), name);
        }
    }
}
