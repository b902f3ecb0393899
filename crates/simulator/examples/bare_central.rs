//! The yardstick of `cargo xtask bench ocpp`: `WebSockets` whose calls are answered at once, with nothing stored or even read.
//!
//! `bare_central`

use futures::{SinkExt as _, StreamExt as _};
use std::io::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// What every call is answered: it suits them all.
const ANSWER: &str = r#"{"transactionId":1,"idTagInfo":{"status":"Accepted"},"status":"Accepted","interval":60}"#;

#[tokio::main]
async fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream));
    }
}

async fn serve(mut stream: TcpStream) {
    let mut head = [0; 12];
    // The bench asks whether it is there.
    if matches!(stream.peek(&mut head).await, Ok(12)) && &head == b"GET /healthz" {
        let mut request = [0; 1024];
        if stream.read(&mut request).await.is_ok() {
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await);
        }
        return;
    }
    #[allow(clippy::result_large_err)] // the library's
    let protocol = |_: &Request, mut response: Response| -> std::result::Result<Response, ErrorResponse> {
        response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("ocpp1.6"));
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr_async(stream, protocol).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let id = text.split('"').nth(1).unwrap_or_default();
        if socket.send(format!(r#"[3,"{id}",{ANSWER}]"#).into()).await.is_err() {
            return;
        }
    }
}
