//! The OpenAPI document and the `AsyncAPI` document are promises: a change of them must be seen and meant.
#![cfg(feature = "ssr")]

use bmw_app::api::{asyncapi_document, openapi_document};
use serde_json::Value;

#[test]
fn the_document_is_as_it_was() {
    let mut document = serde_json::to_value(openapi_document()).unwrap();
    // The version changes with each release.
    document["info"]["version"] = "…".into();
    insta::assert_json_snapshot!("openapi", document);
}

#[test]
fn every_operation_is_described() {
    let document = serde_json::to_value(openapi_document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 24);
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
            assert!(operation["responses"]["405"].is_object(), "{method} {path}");
            let parameters = operation.get("parameters").and_then(Value::as_array);
            let can_be_wrong = operation["responses"]["400"].is_object();
            let is_asked = parameters.into_iter().flatten().any(|parameter| parameter["in"] == "query");
            assert_eq!(is_asked, can_be_wrong && method == "get", "{method} {path}");
            for parameter in parameters.into_iter().flatten() {
                assert!(!parameter["description"].as_str().unwrap().is_empty(), "{path} {parameter}");
            }
        }
    }
}

#[test]
fn the_document_of_the_feed_is_as_it_was() {
    let mut document = asyncapi_document();
    document["info"]["version"] = "…".into();
    insta::assert_json_snapshot!("asyncapi", document);
}

#[test]
fn every_message_of_the_feed_is_described() {
    let document = asyncapi_document();
    let messages = document["components"]["messages"].as_object().unwrap();
    assert_eq!(messages.keys().collect::<Vec<_>>(), ["alive", "phases", "state", "totals"]);
    for (name, message) in messages {
        assert!(!message["summary"].as_str().unwrap().is_empty(), "{name}");
        let payload = &message["payload"];
        assert_eq!(payload["additionalProperties"], false, "{name}");
        let fields = payload["properties"].as_object().unwrap();
        let required = payload["required"].as_array().unwrap();
        let optional: Vec<_> = fields.keys().filter(|field| required.iter().all(|known| known != *field)).collect();
        // What only those are sent who ask for it.
        let expected: &[&str] = if name == "state" { &["lines"] } else { &[] };
        assert_eq!(optional, expected, "{name}");
        for (field, schema) in fields.iter().filter(|(field, _)| *field != "type") {
            // Of an object within, its own description stands behind that of its type.
            let described = schema["allOf"].as_array().and_then(|parts| parts.last()).unwrap_or(schema);
            assert!(!described["description"].as_str().unwrap().is_empty(), "{name} {field}");
            assert!(message["examples"][0]["payload"].get(field).is_some(), "{name} {field}");
        }
    }
}
