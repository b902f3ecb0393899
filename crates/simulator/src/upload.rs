//! Uploads diagnostics to where it was asked to (OCPP 1.6, 4.4).

use crate::line::{self, Roots};
use crate::point::Point;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::Value;
use std::error::Error;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// What the file is called.
pub const FILE_NAME: &str = "diagnostics.txt";
/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// The pause between attempts where none was asked for, s.
const PAUSE: u64 = 5;
/// The most attempts and the longest pause, s, whatever was asked for.
const ATTEMPTS_MOST: u64 = 10;
const PAUSE_MOST: u64 = 600;

/// An upload to be made.
#[derive(Debug, Clone)]
pub struct Upload {
    location: String,
    text: String,
    attempts: u64,
    pause: Duration,
}

impl Upload {
    /// What a request asks for: what the charge point can say of itself now.
    pub fn asked(point: &Point, request: &Value) -> Self {
        Self {
            location: request["location"].as_str().unwrap_or_default().to_owned(),
            text: text(point),
            attempts: request["retries"].as_u64().unwrap_or(0).saturating_add(1).min(ATTEMPTS_MOST),
            pause: Duration::from_secs(request["retryInterval"].as_u64().unwrap_or(PAUSE).min(PAUSE_MOST)),
        }
    }

    /// Makes it, and gives the status to be told.
    pub async fn make(self, roots: Option<&Roots>) -> &'static str {
        for attempt in 1..=self.attempts {
            match timeout(PATIENCE, put(&self.location, &self.text, roots)).await {
                Ok(Ok(())) => return "Uploaded",
                Ok(Err(error)) => tracing::debug!(%error, attempt, "diagnostics are not uploaded"),
                Err(_) => tracing::debug!(attempt, "the upload of diagnostics takes too long"),
            }
            if attempt < self.attempts {
                sleep(self.pause).await;
            }
        }
        "UploadFailed"
    }
}

/// What a person who mends it would want to know.
fn text(point: &Point) -> String {
    let unit = &point.unit;
    let mut lines = vec![
        format!("charge point {}", unit.identity),
        format!("vendor {}", unit.vendor),
        format!("model {}", unit.model),
        format!("firmware {}", unit.firmware),
        format!("time {}", Timestamp::now()),
        format!("status {}", point.status()),
        format!("register {} Wh", point.whole_register()),
        format!("offered {} A", point.offered_by_profiles()),
    ];
    lines.extend(point.settings.lines());
    lines.join("\n") + "\n"
}

/// Puts a file to an address; a name is put behind one that ends in a folder.
async fn put(location: &str, text: &str, roots: Option<&Roots>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let name = if location.ends_with('/') { FILE_NAME } else { "" };
    let address: hyper::Uri = format!("{location}{name}").parse()?;
    if !matches!(address.scheme_str(), Some("http" | "https")) {
        return Err("only http and https are known".into());
    }
    let authority = address.authority().ok_or("no host")?.clone();
    let stream = line::connect(&address, roots).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let path = address.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::put(path)
        .header(HOST, authority.as_str())
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Full::new(Bytes::from(text.to_owned())))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    answer.into_body().collect().await?;
    drop(sender);
    connection.await??;
    if status.is_success() { Ok(()) } else { Err(format!("the answer is {status}").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    fn upload(location: String, attempts: u64) -> Upload {
        Upload { location, text: "all is well".to_owned(), attempts, pause: Duration::ZERO }
    }

    /// Answers one connection after the other, and gives what came on them.
    async fn serve(listener: TcpListener, answers: Vec<&'static str>) -> Vec<String> {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut received = Vec::new();
            while !received.ends_with(b"all is well") {
                assert!(stream.read_buf(&mut received).await.unwrap() > 0, "{received:?}");
            }
            let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            asked.push(String::from_utf8(received).unwrap());
        }
        asked
    }

    #[tokio::test]
    async fn it_is_put_and_tried_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, vec!["500 No", "201 Created", "404 Not Found"]));
        assert_eq!(upload(format!("http://{address}/a/b/"), 2).make(None).await, "Uploaded");
        assert_eq!(upload(format!("http://{address}/file.log"), 1).make(None).await, "UploadFailed");
        let asked = server.await.unwrap();
        assert!(asked[1].starts_with("PUT /a/b/diagnostics.txt HTTP/1.1\r\n"), "{asked:?}");
        assert!(asked[1].contains(&format!("host: {address}\r\n")), "{asked:?}");
        assert!(asked[2].starts_with("PUT /file.log HTTP/1.1\r\n"), "{asked:?}");
    }

    #[tokio::test]
    async fn what_it_cannot_reach_fails() {
        for location in ["", "ftp://127.0.0.1/", "https://127.0.0.1/", "http://127.0.0.1:1/", "/x", "http://"] {
            assert_eq!(upload(location.to_owned(), 1).make(None).await, "UploadFailed", "{location}");
        }
    }
}
