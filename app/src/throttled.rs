//! What a browser is told that asks too much. Programs are told by [`crate::api::ApiError::Throttled`].

use crate::access;
use crate::data::DataError;
use crate::frame;
use crate::serve::{Still, still_document};
use crate::text::Lang;
use axum::response::{IntoResponse as _, Response};
use bmw_site::{Caller, whole_seconds};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use leptos::server_fn::error::FromServerFnError as _;
use std::time::Duration;

/// The answer to a call of a server function: its own error, so that the page says it and keeps what was typed.
pub fn function(wait: Duration) -> Response {
    let headers = [(CONTENT_TYPE, "application/octet-stream"), (CACHE_CONTROL, "no-store")];
    told((headers, DataError::TooMany.ser()).into_response(), wait)
}

/// The page in the place of the one that was asked for. What was read is asked for again by itself; a form is not sent twice.
pub fn page(parts: &Parts, caller: &Caller, css: Option<&str>, wait: Duration) -> Response {
    let is_read = parts.method == Method::GET;
    let refresh = is_read.then(|| u32::try_from(whole_seconds(wait)).unwrap_or(u32::MAX));
    let path = if is_read { parts.uri.path() } else { "/overview/" };
    let person = access::person(caller);
    let still = Still { headers: &parts.headers, path, css, person: person.as_ref(), refresh, script: None, alerts: 0 };
    let why = if is_read { Lang::too_many_read } else { Lang::too_many_written };
    told(still_document(still, Lang::too_many_title, |lang| frame::nothing_here(lang, why(lang))), wait)
}

fn told(mut response: Response, wait: Duration) -> Response {
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn page_for(method: &str, lang: &str) -> Response {
        let request = Request::builder().method(method).uri("/details/?charger_id=a").header("accept-language", lang);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        page(&parts, &Caller::default(), None, Duration::from_millis(2_500))
    }

    fn wait(response: &Response) -> &str {
        response.headers()[RETRY_AFTER].to_str().unwrap()
    }

    async fn text(response: Response) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_page_says_it_in_both_languages_and_only_what_was_read_is_asked_for_again() {
        for (method, lang, said, comes_back) in [
            ("GET", "en", Lang::En.too_many_read(), true),
            ("GET", "zh", Lang::Zh.too_many_read(), true),
            ("POST", "en", Lang::En.too_many_written(), false),
            ("POST", "zh", Lang::Zh.too_many_written(), false),
        ] {
            let response = page_for(method, lang);
            assert_eq!((response.status().as_u16(), wait(&response)), (429, "3"));
            let text = text(response).await;
            assert!(text.contains(said), "{text}");
            assert_eq!(text.contains("http-equiv=\"refresh\" content=\"3\""), comes_back, "{text}");
        }
    }

    #[tokio::test]
    async fn a_server_function_is_answered_by_its_own_error() {
        let response = function(Duration::from_secs(1));
        assert_eq!((response.status().as_u16(), wait(&response)), (429, "1"));
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(DataError::de(bytes), DataError::TooMany);
    }
}
