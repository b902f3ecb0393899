//! The OpenAPI document of the routes, made from their handlers.

use super::error::{ApiError, Detail, FieldErrors};
use super::{
    Shared, alerts, audit, charge_points, charger_passwords, commands, distribution, energy, feed, reply_read,
    sessions, settings, to_json, token_auth,
};
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi, ToSchema};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "BMW",
        description = "The site controller's documented interface. Times are the site's local time, energies are kWh and exact to the Wh. \
            Every route works with and without the trailing slash. An empty optional parameter is the same as an absent one, a \
            repeated one is wrong, and unknown names are ignored. The numbers in brackets are the sections of the interface's document.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "chargers", description = "The chargers and their states now"),
        (name = "sessions", description = "Charging sessions"),
        (name = "energy", description = "Sums of energy for charts"),
        (name = "commands", description = "Commands to chargers, watched until they take effect"),
        (name = "alerts", description = "What an operator must hear of"),
        (name = "settings", description = "The settings of the site"),
        (name = "access", description = "Tokens of programs, and who did what"),
    ),
    paths(
        charge_points::details,
        sessions::of_day,
        feed::connect,
        commands::give,
        commands::show,
        charger_passwords::show,
        charger_passwords::change,
        settings::show,
        settings::save,
        charge_points::overview,
        sessions::recent,
        charge_points::recent_states,
        charge_points::state_shares,
        energy::months,
        energy::months_by_charger,
        charge_points::identities,
        settings::max_currents,
        charge_points::list,
        energy::total,
        energy::by_charger,
        token_auth::give,
        audit::list,
        alerts::list,
        alerts::acknowledge,
        distribution::show,
        distribution::save,
        distribution::save_wiring,
        distribution::tell_meter,
    ),
    components(schemas(Detail, FieldErrors, feed::FeedMessage)),
    modifiers(&EveryRoute),
)]
struct Document;

/// What every route answers besides its own.
struct EveryRoute;

impl Modify for EveryRoute {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", token_scheme());
        components.add_security_scheme("session", session_scheme());
        for item in document.paths.paths.values_mut() {
            let allow = match (&item.get, &item.post) {
                (Some(_), Some(_)) => "GET, POST, HEAD, OPTIONS",
                (None, Some(_)) => "POST, OPTIONS",
                _ => "GET, HEAD, OPTIONS",
            };
            for operation in [item.get.as_mut(), item.post.as_mut()].into_iter().flatten() {
                add_responses(operation, allow);
                add_refusals(operation);
            }
        }
    }
}

/// A program's token.
fn token_scheme() -> SecurityScheme {
    let text =
        "A token of the account's page, or of `/api-token-auth/`. `Authorization: Token …` is understood as well.";
    SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(text)).build())
}

/// A person's sign-in.
fn session_scheme() -> SecurityScheme {
    let text = "What a browser has after signing in at `/log_in/`.";
    SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("bmw_session", text)))
}

/// Who is refused: the routes that need a role name it, all others are open as long as reading is.
fn add_refusals(operation: &mut Operation) {
    let detail = |text: &str| {
        let schema = RefOr::Ref(Ref::from_schema_name("Detail"));
        let content = ContentBuilder::new().schema(Some(schema)).build();
        RefOr::T(ResponseBuilder::new().content("application/json", content).description(text).build())
    };
    let responses = &mut operation.responses.responses;
    responses
        .insert("401".to_owned(), detail("Nobody has signed in and it is needed here, or the token does not hold"));
    if operation.security.is_some() {
        responses.insert("403".to_owned(), detail("The role is too low, or the request is from another site's page"));
    }
}

fn add_responses(operation: &mut Operation, allow: &str) {
    let detail = || {
        let schema = RefOr::Ref(Ref::from_schema_name("Detail"));
        ResponseBuilder::new().content("application/json", ContentBuilder::new().schema(Some(schema)).build())
    };
    let allow = HeaderBuilder::new().description(Some(format!("`{allow}`"))).build();
    let not_allowed = detail().description("Another method").header("Allow", allow).build();
    let inside = detail().description("Something went wrong inside; the log tells more").build();
    let wait = HeaderBuilder::new().description(Some("How long to wait, whole seconds")).build();
    let throttled = detail().description("One of too many requests, or of too many tries").header("Retry-After", wait);
    let responses = &mut operation.responses.responses;
    responses.insert("405".to_owned(), RefOr::T(not_allowed));
    responses.insert("429".to_owned(), RefOr::T(throttled.build()));
    responses.insert("500".to_owned(), RefOr::T(inside));
}

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The document as it is served.
pub(super) async fn serve(State(_): State<Shared>) -> Response {
    static DOCUMENT: LazyLock<Result<Bytes, ApiError>> = LazyLock::new(|| to_json(&document()));
    let answer = DOCUMENT.as_ref().map(Bytes::clone);
    reply_read(answer.map_err(|_| ApiError::detail(http::StatusCode::INTERNAL_SERVER_ERROR, "Not writable.")))
}

/// The answer of 2.9: 16 objects of one key each, in the documented order.
#[derive(ToSchema)]
#[allow(dead_code)] // what `StateShares` writes
pub(super) struct StateSharesAnswer {
    /// Percent by state: `BootUp`, `Available`, `PreParing`, `Charging`, `StatusChanged`, `StopCharging`, `RemoteCharging`,
    /// `RemoteStopCharging`, `SendMessage`, `Updating`, `Unavailable`, `Reboot`, `Faulted`, `SupsendedEV`, `Finishing`,
    /// `Other`.
    #[schema(min_items = 16, max_items = 16)]
    result: Vec<BTreeMap<String, f64>>,
}

/// The body of 2.5 as JSON. Unknown fields are ignored.
#[derive(ToSchema)]
#[allow(dead_code)] // what `settings::from_json` reads
pub(super) struct SettingsBody {
    #[schema(
        pattern = r"^[^\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]{1,64}$",
        example = "Com10"
    )]
    vchcardreadercom: String,
    #[schema(schema_with = year)]
    yeainstallyear: (),
    #[schema(schema_with = month)]
    intinstallmonth: (),
    #[schema(schema_with = flag)]
    blncurrentdistribution: (),
    #[schema(
        pattern = r"^[^\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]{1,64}$",
        example = "Com4"
    )]
    vchpowermetercom: String,
    #[schema(pattern = "^(ABC|ACB|BAC|BCA|CAB|CBA)$", example = "ABC")]
    vchpowersequence: String,
    #[schema(schema_with = currency)]
    intcurrency: (),
    #[schema(schema_with = not_negative)]
    dblchargingdeductionpower: (),
    #[schema(schema_with = whole)]
    intchargingdeductionminute: (),
    #[schema(schema_with = whole)]
    intdeductionprioritypower: (),
    #[schema(schema_with = whole)]
    intdeductionpriorityminute: (),
    #[schema(schema_with = positive)]
    dblpowercoefficient: (),
    #[schema(schema_with = flag)]
    blninternaltesting: (),
    #[schema(schema_with = amperes)]
    intmaxcurrenta: (),
    #[schema(schema_with = amperes)]
    intmaxcurrentb: (),
    #[schema(schema_with = amperes)]
    intmaxcurrentc: (),
}

/// The body of 2.5 as a form. Unknown fields are ignored.
#[derive(ToSchema)]
#[allow(dead_code)] // what `settings::from_form` reads
pub(super) struct SettingsForm {
    #[schema(
        pattern = r"^[^\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]{1,64}$",
        example = "Com10"
    )]
    vchcardreadercom: String,
    #[schema(minimum = 1901, maximum = 2155, example = 2013)]
    yeainstallyear: i32,
    #[schema(minimum = 0, maximum = 1200, example = 100)]
    intinstallmonth: i32,
    #[schema(minimum = 0, maximum = 1, example = 1)]
    blncurrentdistribution: i32,
    #[schema(
        pattern = r"^[^\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]{1,64}$",
        example = "Com4"
    )]
    vchpowermetercom: String,
    #[schema(pattern = "^(ABC|ACB|BAC|BCA|CAB|CBA)$", example = "ABC")]
    vchpowersequence: String,
    #[schema(minimum = 0, maximum = 999, example = 86)]
    intcurrency: i32,
    #[schema(minimum = 0, example = 3.0)]
    dblchargingdeductionpower: f64,
    #[schema(minimum = 0, maximum = 2_147_483_647, example = 120)]
    intchargingdeductionminute: i32,
    #[schema(minimum = 0, maximum = 2_147_483_647, example = 2)]
    intdeductionprioritypower: i32,
    #[schema(minimum = 0, maximum = 2_147_483_647, example = 1)]
    intdeductionpriorityminute: i32,
    #[schema(exclusive_minimum = 0, example = 0.001)]
    dblpowercoefficient: f64,
    #[schema(minimum = 0, maximum = 1, example = 1)]
    blninternaltesting: i32,
    #[schema(minimum = 0, maximum = 10000, example = 32)]
    intmaxcurrenta: i32,
    #[schema(minimum = 0, maximum = 10000, example = 32)]
    intmaxcurrentb: i32,
    #[schema(minimum = 0, maximum = 10000, example = 32)]
    intmaxcurrentc: i32,
}

/// A whole number within bounds, or the same as text.
fn number_or_text(number: ObjectBuilder, pattern: &str, example: serde_json::Value) -> Schema {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    OneOfBuilder::new().item(number).item(text).examples([example]).build().into()
}

fn whole_number(least: i64, most: i64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most))
}

fn year() -> Schema {
    number_or_text(
        whole_number(1901, 2155),
        "^(190[1-9]|19[1-9][0-9]|20[0-9]{2}|21[0-4][0-9]|215[0-5])$",
        "2013".into(),
    )
}

fn month() -> Schema {
    number_or_text(whole_number(0, 1200), "^([0-9]{1,3}|1[01][0-9]{2}|1200)$", 100.into())
}

fn flag() -> Schema {
    number_or_text(whole_number(0, 1), "^[01]$", 1.into())
}

fn currency() -> Schema {
    number_or_text(whole_number(0, 999), "^[0-9]{1,3}$", 86.into())
}

fn whole() -> Schema {
    number_or_text(whole_number(0, i32::MAX.into()), "^[0-9]{1,9}$", 2.into())
}

fn amperes() -> Schema {
    number_or_text(whole_number(0, 10_000), "^([0-9]{1,4}|10000)$", 32.into())
}

fn not_negative() -> Schema {
    let number = ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0));
    number_or_text(number, r"^[0-9]{1,9}(\.[0-9]{1,9})?$", 3.0.into())
}

fn positive() -> Schema {
    let number = ObjectBuilder::new().schema_type(Type::Number).exclusive_minimum(Some(0));
    number_or_text(number, r"^([1-9][0-9]{0,8}(\.[0-9]{1,9})?|0\.[0-9]{0,8}[1-9])$", 0.001.into())
}
