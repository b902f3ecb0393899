//! Who may write: whoever sits at the machine itself, and no page of another site.

use crate::client::Served;

const PATH: &str = "/api/basic/settings/";
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test(flavor = "multi_thread")]
async fn only_the_machine_itself_may_write() {
    let site = Served::empty().await;
    let port = site.addr().port();
    // An empty object is let in, and then refused for what it lacks.
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), "[::1]".to_owned(), "localhost".to_owned()] {
        let origin = format!("http://{host}");
        for headers in [vec![("host", host.as_str())], vec![("host", host.as_str()), ("origin", origin.as_str())]] {
            let answer = site.ask("POST", PATH, &[&headers[..], &[JSON]].concat(), b"{}").await;
            assert_eq!(answer.wrong_fields().len(), 16, "{headers:?}");
        }
    }
    let own = format!("127.0.0.1:{port}");
    let own_origin = format!("http://{own}");
    for headers in [
        vec![("host", "evil.example")],
        vec![("host", "192.168.1.2:8000")],
        vec![("forwarded", "for=127.0.0.1")],
        vec![("x-forwarded-for", "127.0.0.1")],
        vec![("via", "1.1 proxy")],
        vec![("x-real-ip", "127.0.0.1")],
        vec![("X-Forwarded-Anything", "")],
        vec![("origin", "http://evil.example")],
        vec![("origin", "null")],
        vec![("origin", "https://127.0.0.1")],
        vec![("origin", own_origin.as_str()), ("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
    ] {
        for (method, path) in [("POST", PATH), ("DELETE", PATH), ("POST", "/fn/anything"), ("PUT", "/overview/")] {
            let answer = site.ask(method, path, &[&headers[..], &[JSON]].concat(), b"{}").await;
            assert_eq!(answer.status, 403, "{method} {path} {headers:?}");
            assert!(!answer.detail().is_empty());
        }
        // Reading goes on.
        assert_eq!(site.ask("GET", PATH, &headers, b"").await.status, 200, "{headers:?}");
    }
    assert!(site.running.site.store().audit_log(1).await.unwrap().is_empty());
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_another_authority_may_not_write() {
    let site = Served::empty().await;
    let request = format!(
        "POST http://evil.example{PATH} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}",
        site.addr()
    );
    assert_eq!(site.send(request.as_bytes()).await.status, 403);
    site.end().await;
}
