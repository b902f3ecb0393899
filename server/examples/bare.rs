//! The yardstick of `cargo xtask bench`: an axum handler that does nothing but answer with the bytes of a file.
//!
//! `bare FILE`

use axum::Router;
use axum::http::header::{self, HeaderValue};
use axum::routing::get;
use bytes::Bytes;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let file = std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("usage: bare FILE"))?;
    let body = Bytes::from(std::fs::read(file)?);
    let answer = move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body) }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/healthz", get(|| async { "ok" })).fallback(get(answer))).await?;
    Ok(())
}
