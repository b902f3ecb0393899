//! The `AsyncAPI` document of the live feed, made from the types of its messages.

use super::error::ApiError;
use super::feed::{ALIVE, FeedMessage, PATH};
use super::{Shared, reply_read, to_json};
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use utoipa::PartialSchema as _;

/// The document.
pub fn document() -> Value {
    let messages = messages();
    let refs = |base: &str| -> Vec<Value> { messages.keys().map(|name| reference(&[base, name].concat())).collect() };
    let in_channel: Map<String, Value> =
        messages.keys().map(|name| (name.clone(), reference(&["#/components/messages/", name].concat()))).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "BMW live feed",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The state of each charger and the load of the site's phases, over a WebSocket. The routes are \
                described in `/api/openapi.json`.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "site": {
                "host": "{host}",
                "protocol": "ws",
                "description": "The site controller. With TLS, its own or that of a proxy, the protocol is `wss`.",
                "variables": {"host": {"default": "localhost:8000", "description": "Its name and port."}},
            },
        },
        "channels": {
            "chargers": {
                "address": PATH,
                "title": "Chargers and phases",
                "description": "First one `state` for each followed charger and one `phases`, then one whenever a value changes: the \
                    first change of a charger at once, further ones of it joined to one a second. A `state` is repeated at \
                    the latest after 3 minutes, or what `BMW_FEED_INTERVAL` says. A slow reader is sent the newest and never a \
                    backlog. `seq` counts up by one with each message of the connection: where it does not, connect \
                    again. Messages of the client are ignored. The server pings every 30 seconds, and ends connections \
                    that answer nothing for 2 minutes. When it ends it closes with the code 1001. Who asks for it is also told the `totals`, after \
                    the first `phases` and whenever they change, at most once a second, and in each `state` the `lines`.",
                "servers": [reference("#/servers/site")],
                "messages": in_channel,
                "bindings": {"ws": {"method": "GET", "query": query(), "bindingVersion": "0.1.0"}},
            },
        },
        "operations": {
            "follow": {
                "action": "send",
                "title": "Follow the chargers",
                "channel": reference("#/channels/chargers"),
                "messages": refs("#/channels/chargers/messages/"),
            },
        },
        "components": {"messages": messages},
    })
}

fn reference(to: &str) -> Value {
    json!({ "$ref": to })
}

/// The parameters of the address.
fn query() -> Value {
    json!({
        "type": "object",
        "properties": {
            "charger_id": {
                "type": "string",
                "description": "Which charger; all of them when it is absent or empty. One that there is not is answered with 404.",
                "examples": ["10245006"],
            },
            "alive": {
                "type": "integer",
                "minimum": ALIVE.start(),
                "maximum": ALIVE.end(),
                "description": "Send an `alive` message whenever nothing else was sent for so many seconds. For pages of a browser, \
                    which see no pings.",
                "examples": [5],
            },
            "totals": {
                "type": "boolean",
                "description": "Send a `totals` message, too, at first and whenever it changes: counts and sums over the site, the \
                    sessions that have ended last, and the limits and peaks of the phases. And in each `state` what the lines of the \
                    charger draw.",
                "examples": [true],
            },
        },
    })
}

/// The messages by their names: one for each variant of the type.
fn messages() -> Map<String, Value> {
    let schema = serde_json::to_value(FeedMessage::schema()).unwrap_or_default();
    let variants = schema["oneOf"].as_array().cloned().unwrap_or_default();
    let examples: Vec<Value> =
        FeedMessage::examples().iter().filter_map(|message| serde_json::to_value(message).ok()).collect();
    let named = variants.into_iter().filter_map(|mut payload| {
        // The type says so, and utoipa does not carry it over to what it makes of a variant.
        payload["additionalProperties"] = false.into();
        let name = payload.pointer("/properties/type/enum/0")?.as_str()?.to_owned();
        let summary = payload.get("description").cloned();
        let examples: Vec<Value> =
            examples.iter().filter(|example| example["type"] == name.as_str()).cloned().collect();
        let examples: Vec<Value> = examples.into_iter().map(|payload| json!({ "payload": payload })).collect();
        Some((name.clone(), json!({"name": name, "summary": summary, "payload": payload, "examples": examples})))
    });
    named.collect()
}

/// The document as it is served.
pub(super) async fn serve(State(_): State<Shared>) -> Response {
    static DOCUMENT: LazyLock<Result<Bytes, ApiError>> = LazyLock::new(|| to_json(&document()));
    let answer = DOCUMENT.as_ref().map(Bytes::clone);
    reply_read(answer.map_err(|_| ApiError::detail(http::StatusCode::INTERNAL_SERVER_ERROR, "Not writable.")))
}
