//! The page about the routes, `/api/docs/`: the OpenAPI document for people.
//!
//! It is made of the document alone, needs no script and loads nothing but its own style sheet.

use super::openapi::document;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use serde_json::Value;
use std::sync::LazyLock;

const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Where the page is.
pub const PATH: &str = "/api/docs/";

pub(super) async fn page() -> Response {
    static PAGE: LazyLock<Bytes> = LazyLock::new(|| {
        let document = serde_json::to_value(document()).unwrap_or_default();
        Page::of(&document).into()
    });
    (headers("text/html; charset=utf-8"), PAGE.clone()).into_response()
}

pub(super) async fn style() -> Response {
    (headers("text/css; charset=utf-8"), include_str!("docs.css")).into_response()
}

const fn headers(media_type: &'static str) -> [(HeaderName, &'static str); 5] {
    [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-cache"),
    ]
}

/// HTML under construction.
struct Page(String);

impl Page {
    fn of(document: &Value) -> String {
        let mut page = Self(String::with_capacity(64 * 1024));
        let title = text(document, "/info/title");
        page.raw("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><title>");
        page.text(&format!("{title} API"));
        page.raw("</title><link rel=\"icon\" href=\"/favicon.svg\"><link rel=\"stylesheet\" href=\"/api/docs/style.css\"></head><body><header><h1>");
        page.text(&format!("{title} API"));
        page.raw("</h1>");
        page.prose(text(document, "/info/description"));
        page.raw("<p>Version ");
        page.text(text(document, "/info/version"));
        page.raw(", <a href=\"/api/openapi.json\">openapi.json</a>, live feed: <a href=\"/api/asyncapi.json\">asyncapi.json</a></p></header><main>");
        let tags = document.get("tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        page.contents(document, tags);
        for tag in tags {
            page.raw("<section><h2>");
            page.text(text(tag, "/description"));
            page.raw("</h2>");
            for (path, method, operation) in operations(document, text(tag, "/name")) {
                page.operation(path, method, operation);
            }
            page.raw("</section>");
        }
        page.raw("<section><h2>Schemas</h2>");
        for (name, schema) in members(document, "/components/schemas") {
            page.raw("<article id=\"schema-");
            page.text(name);
            page.raw("\"><h3>");
            page.text(name);
            page.raw("</h3>");
            page.schema(schema);
            page.raw("</article>");
        }
        page.raw("</section></main></body></html>");
        page.0
    }

    fn contents(&mut self, document: &Value, tags: &[Value]) {
        self.raw("<nav aria-label=\"Routes\"><ul>");
        for tag in tags {
            for (path, method, operation) in operations(document, text(tag, "/name")) {
                self.raw("<li><a href=\"#");
                self.text(&anchor(path, method));
                self.raw("\">");
                self.text(text(operation, "/summary"));
                self.raw("</a></li>");
            }
        }
        self.raw("</ul></nav>");
    }

    fn operation(&mut self, path: &str, method: &str, operation: &Value) {
        self.raw("<article id=\"");
        self.text(&anchor(path, method));
        self.raw("\"><h3>");
        self.text(text(operation, "/summary"));
        self.raw("</h3><p class=\"route\"><strong>");
        self.text(&method.to_uppercase());
        self.raw("</strong> <code>");
        self.text(path);
        self.raw("</code></p>");
        self.prose(text(operation, "/description"));
        self.parameters(operation);
        if let Some(content) = operation.pointer("/requestBody/content") {
            self.raw("<h4>Body</h4><ul>");
            for (media_type, body) in content.as_object().into_iter().flatten() {
                self.raw("<li><code>");
                self.text(media_type);
                self.raw("</code> ");
                self.schema_name(body.get("schema"));
                self.raw("</li>");
            }
            self.raw("</ul>");
        }
        self.raw(
            "<h4>Answers</h4><table><thead><tr><th>Status</th><th>Meaning</th><th>Content</th></tr></thead><tbody>",
        );
        for (status, response) in members(operation, "/responses") {
            self.raw("<tr><td>");
            self.text(status);
            self.raw("</td><td>");
            self.inline(text(response, "/description"));
            self.raw("</td><td>");
            self.schema_name(response.pointer("/content/application~1json/schema"));
            self.raw("</td></tr>");
        }
        self.raw("</tbody></table></article>");
    }

    fn parameters(&mut self, operation: &Value) {
        let Some(parameters) = operation.get("parameters").and_then(Value::as_array) else {
            return;
        };
        self.raw("<h4>Parameters</h4><table><thead><tr><th>Name</th><th>Type</th><th>Meaning</th><th>Example</th></tr></thead><tbody>");
        for parameter in parameters {
            self.raw("<tr><td><code>");
            self.text(text(parameter, "/name"));
            self.raw("</code>");
            if parameter.get("required") == Some(&Value::Bool(true)) {
                self.raw(" required");
            }
            self.raw("</td><td>");
            self.text(&kind(&parameter["schema"]));
            self.raw("</td><td>");
            self.inline(text(parameter, "/description"));
            self.raw("</td><td><code>");
            self.text(&parameter.get("example").map(plain).unwrap_or_default());
            self.raw("</code></td></tr>");
        }
        self.raw("</tbody></table>");
    }

    /// A link to a schema, or what there is to say about one without a name.
    fn schema_name(&mut self, schema: Option<&Value>) {
        let Some(schema) = schema else {
            return;
        };
        let inner = if text(schema, "/type") == "array" { &schema["items"] } else { schema };
        match inner.get("$ref").and_then(Value::as_str).and_then(|name| name.rsplit('/').next()) {
            Some(name) => {
                if text(schema, "/type") == "array" {
                    self.raw("list of ");
                }
                self.raw("<a href=\"#schema-");
                self.text(name);
                self.raw("\">");
                self.text(name);
                self.raw("</a>");
            }
            None => self.schema(schema),
        }
    }

    fn schema(&mut self, schema: &Value) {
        self.prose(text(schema, "/description"));
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            self.raw("<pre tabindex=\"0\">");
            self.text(&serde_json::to_string_pretty(schema).unwrap_or_default());
            self.raw("</pre>");
            return;
        };
        self.raw("<table><thead><tr><th>Field</th><th>Type</th><th>Meaning</th><th>Example</th></tr></thead><tbody>");
        for (name, property) in properties {
            self.raw("<tr><td><code>");
            self.text(name);
            self.raw("</code></td><td>");
            if property.get("$ref").is_some() || property.pointer("/items/$ref").is_some() {
                self.schema_name(Some(property));
            } else {
                self.text(&kind(property));
            }
            self.raw("</td><td>");
            self.inline(text(property, "/description"));
            self.raw("</td><td><code>");
            self.text(&property.get("example").map(plain).unwrap_or_default());
            self.raw("</code></td></tr>");
        }
        self.raw("</tbody></table>");
    }

    fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.raw("&amp;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '"' => self.raw("&quot;"),
                other => self.0.push(other),
            }
        }
    }

    /// Text in which backticks mark code.
    fn inline(&mut self, text: &str) {
        for (index, part) in text.split('`').enumerate() {
            let is_code = index % 2 == 1;
            self.raw(if is_code { "<code>" } else { "" });
            self.text(part);
            self.raw(if is_code { "</code>" } else { "" });
        }
    }

    /// A paragraph, where there is something to say.
    fn prose(&mut self, text: &str) {
        if !text.is_empty() {
            self.raw("<p>");
            self.inline(text);
            self.raw("</p>");
        }
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn members<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

/// The operations with a tag: path, method, operation.
fn operations<'a>(document: &'a Value, tag: &str) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
    members(document, "/paths").flat_map(move |(path, item)| {
        item.as_object()
            .into_iter()
            .flatten()
            .filter(move |(_, operation)| text(operation, "/tags/0") == tag)
            .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn anchor(path: &str, method: &str) -> String {
    format!("{method}{}", path.trim_end_matches('/').replace('/', "-"))
}

/// What a schema accepts, in words.
fn kind(schema: &Value) -> String {
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let bound = |name: &str| schema.get(name).map(plain);
    let name = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().map(plain).collect::<Vec<_>>().join(" or "),
        Some(one) => plain(one),
        None => bound("$ref").unwrap_or_default(),
    };
    let range = match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => Some(format!(", {least} to {most}")),
        (Some(least), None) => Some(format!(", at least {least}")),
        (None, Some(most)) => Some(format!(", at most {most}")),
        (None, None) => bound("exclusiveMinimum").map(|least| format!(", over {least}")),
    };
    let items = schema.get("items").map(|items| format!(" of {}", kind(items)));
    let pattern = bound("pattern").map(|pattern| format!(" like {pattern}"));
    [Some(name), items, range, pattern].into_iter().flatten().collect()
}

/// A value without the quotes of a string.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_route_and_loads_nothing() {
        let document = serde_json::to_value(document()).unwrap();
        let page = Page::of(&document);
        for (path, item) in members(&document, "/paths") {
            for method in item.as_object().unwrap().keys() {
                assert!(page.contains(&format!("id=\"{}\"", anchor(path, method))), "{method} {path}");
            }
        }
        for forbidden in ["<script", "style=", "://", "@import", "onclick"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn text_cannot_become_markup() {
        let mut page = Page(String::new());
        page.inline("<b> & \"x\" `<i>`");
        assert_eq!(page.0, "&lt;b&gt; &amp; &quot;x&quot; <code>&lt;i&gt;</code>");
    }
}
