//! The OpenAPI document is a promise: a change of it must be seen and meant.
#![cfg(feature = "ssr")]

use bmw_app::api::openapi_document;
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
    assert_eq!(paths.len(), 17);
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
