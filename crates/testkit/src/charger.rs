//! A charge point in the hand of a test: every frame is said and heard as it is, also what no proper one would say.

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::io::{self, Error, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// How long anything may take. Only what never comes takes so long.
pub const PATIENCE: Duration = Duration::from_secs(100);

/// What comes from the central system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A frame.
    Text(String),
    /// It closes: the code and the reason, where it gives them.
    Closed(Option<(u16, String)>),
}

/// What leads to a central system: a socket, or what is put on top of one.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug> Wire for T {}

/// A connected charge point. Dropped, it is gone without a word.
#[derive(Debug)]
pub struct Charger {
    socket: WebSocketStream<Box<dyn Wire>>,
    last_id: u64,
    /// What it answers to a call, by its action; what has no answer here is refused.
    pub replies: HashMap<String, Value>,
    /// The calls that it was sent: action and payload, oldest first.
    pub asked: VecDeque<(String, Value)>,
    /// The subprotocol that was agreed on.
    pub subprotocol: Option<String>,
}

/// A timestamp: so many seconds from now.
pub fn moment(from_now: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    written(i64::try_from(now.as_millis()).unwrap_or(i64::MAX).saturating_add(from_now.saturating_mul(1000)))
}

/// Milliseconds since 1970 as RFC 3339 has them (days by Howard Hinnant's `civil_from_days`).
pub fn written(ms: i64) -> String {
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, millis) = (of_day / 1000, of_day % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}

fn late() -> Error {
    Error::new(ErrorKind::TimedOut, "nothing came")
}

fn gone(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::ConnectionAborted, error)
}

/// Sends the head of a request: the head of the answer, and what has come behind it.
async fn shake_hands(stream: &mut Box<dyn Wire>, head: &str) -> io::Result<(String, Vec<u8>)> {
    stream.write_all(head.as_bytes()).await?;
    let mut received = Vec::new();
    loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = received.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&received).into_owned(), rest));
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

impl Charger {
    /// Connects with an identity, percent-encoded where that is needed.
    ///
    /// # Errors
    /// It is turned away, see [`Charger::turned_away`], or nobody is there.
    pub async fn plug_in(address: SocketAddr, identity: &str) -> io::Result<Self> {
        Self::offering(address, identity, Some("ocpp1.6")).await
    }

    /// As [`Charger::plug_in`], with these subprotocols in the order of preference.
    ///
    /// # Errors
    /// It is turned away, or nobody is there.
    pub async fn offering(address: SocketAddr, identity: &str, subprotocols: Option<&str>) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let offered = subprotocols.map_or_else(String::new, |offered| format!("sec-websocket-protocol: {offered}\r\n"));
        Self::over(Box::new(stream), &address.to_string(), identity, &offered).await
    }

    /// Connects by what leads to the central system, with header lines of its own.
    ///
    /// # Errors
    /// It is turned away, or nobody is there.
    pub async fn over(mut stream: Box<dyn Wire>, host: &str, identity: &str, headers: &str) -> io::Result<Self> {
        let head = format!(
            "GET /ocpp/{identity} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        let (answer, rest) = timeout(PATIENCE, shake_hands(&mut stream, &head)).await.map_err(|_| late())??;
        let header = |name: &str| {
            let mut lines = answer.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        // The key is that of RFC 6455, 1.3, and so is the answer to it.
        if header("sec-websocket-accept").as_deref() != Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
            let status = answer.split(' ').nth(1).unwrap_or_default();
            return Err(Error::new(ErrorKind::ConnectionRefused, format!("status {status}")));
        }
        let subprotocol = header("sec-websocket-protocol");
        let socket = WebSocketStream::from_partially_read(stream, rest, Role::Client, None).await;
        Ok(Self { socket, last_id: 0, replies: HashMap::new(), asked: VecDeque::new(), subprotocol })
    }

    /// Sends a frame as it is.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn say(&mut self, text: impl Into<String>) -> io::Result<()> {
        self.socket.send(Message::text(text.into())).await.map_err(gone)
    }

    /// Sends what is no frame: bytes.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn say_bytes(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.socket.send(Message::binary(bytes)).await.map_err(gone)
    }

    /// Sends a ping.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn ping(&mut self) -> io::Result<()> {
        self.socket.send(Message::Ping(Bytes::new())).await.map_err(gone)
    }

    /// What comes next, whatever it is.
    ///
    /// # Errors
    /// Nothing came.
    pub async fn hear(&mut self) -> io::Result<Heard> {
        loop {
            return match timeout(PATIENCE, self.socket.next()).await.map_err(|_| late())? {
                Some(Ok(Message::Text(text))) => Ok(Heard::Text(text.as_str().to_owned())),
                Some(Ok(Message::Close(frame))) => {
                    Ok(Heard::Closed(frame.map(|frame| (frame.code.into(), frame.reason.as_str().to_owned()))))
                }
                Some(Ok(_)) => continue,
                None | Some(Err(_)) => Ok(Heard::Closed(None)),
            };
        }
    }

    /// Waits for the end of the connection. What comes before is looked at by nobody.
    ///
    /// # Errors
    /// It goes on.
    pub async fn closed(&mut self) -> io::Result<Option<(u16, String)>> {
        loop {
            if let Heard::Closed(why) = self.hear().await? {
                return Ok(why);
            }
        }
    }

    /// The next frame that is no call of the central system's. Calls are answered meanwhile and kept in `asked`.
    ///
    /// # Errors
    /// The connection ends, or nothing came.
    pub async fn answer(&mut self) -> io::Result<String> {
        loop {
            match self.hear().await? {
                Heard::Closed(why) => return Err(Error::new(ErrorKind::ConnectionAborted, format!("closed: {why:?}"))),
                Heard::Text(text) => {
                    if !self.is_obeyed(&text).await? {
                        return Ok(text);
                    }
                }
            }
        }
    }

    /// Answers a call of the central system's; `false` for what is none.
    async fn is_obeyed(&mut self, text: &str) -> io::Result<bool> {
        if !text.starts_with("[2,") {
            return Ok(false);
        }
        let frame: Value = serde_json::from_str(text).map_err(Error::other)?;
        let action = frame[2].as_str().unwrap_or_default().to_owned();
        let reply = match self.replies.get(&action) {
            Some(payload) => json!([3, frame[1], payload]),
            None => json!([4, frame[1], "NotSupported", "", {}]),
        };
        self.asked.push_back((action, frame[3].clone()));
        self.say(reply.to_string()).await?;
        Ok(true)
    }

    /// Waits for a call of the central system's, and answers it.
    ///
    /// # Errors
    /// The connection ends, or nothing came.
    pub async fn to_be_asked(&mut self) -> io::Result<(String, Value)> {
        loop {
            if let Some(asked) = self.asked.pop_front() {
                return Ok(asked);
            }
            match self.hear().await? {
                Heard::Text(text) => {
                    self.is_obeyed(&text).await?;
                }
                Heard::Closed(why) => return Err(Error::new(ErrorKind::ConnectionAborted, format!("closed: {why:?}"))),
            }
        }
    }

    /// Sends a call, and gives its id.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send(&mut self, action: &str, payload: &Value) -> io::Result<String> {
        self.last_id += 1;
        let id = self.last_id.to_string();
        self.say(json!([2, id, action, payload]).to_string()).await?;
        Ok(id)
    }

    /// Sends a call and waits for its answer, which must be the next one: the payload of a result.
    ///
    /// # Errors
    /// [`ErrorKind::ConnectionAborted`] when the connection ends, [`ErrorKind::TimedOut`] when nothing came,
    /// [`ErrorKind::InvalidData`] when another call is answered, or this one is refused.
    pub async fn call(&mut self, action: &str, payload: &Value) -> io::Result<Value> {
        let id = self.send(action, payload).await?;
        let text = self.answer().await?;
        let frame: Value = serde_json::from_str(&text).map_err(Error::other)?;
        if frame[0] == 3 && frame[1] == id.as_str() {
            Ok(frame[2].clone())
        } else {
            Err(Error::new(ErrorKind::InvalidData, format!("{action} is answered by {text}")))
        }
    }

    /// Closes as a charge point does that is switched off in order.
    ///
    /// # Errors
    /// The connection was gone before.
    pub async fn pull_out(mut self) -> io::Result<()> {
        self.socket.close(None).await.map_err(gone)
    }

    /// Says that it goes, and stays to hear what is answered.
    ///
    /// # Errors
    /// The connection was gone before.
    pub async fn say_goodbye(&mut self) -> io::Result<()> {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "switched off".into() };
        self.socket.send(Message::Close(Some(frame))).await.map_err(gone)
    }

    /// Why a charge point is turned away: the status of the handshake's answer.
    ///
    /// # Errors
    /// It is taken in, or nobody is there.
    pub async fn turned_away(address: SocketAddr, identity: &str) -> io::Result<String> {
        match Self::plug_in(address, identity).await {
            Ok(_) => Err(Error::other("it is taken in")),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(error.to_string()),
            Err(error) => Err(error),
        }
    }
}

/// The frames of a charge point's life.
pub mod frames {
    use serde_json::{Value, json};

    /// It has started.
    pub fn boot() -> Value {
        json!({ "chargePointVendor": "Vendor", "chargePointModel": "Model" })
    }

    /// A connector's status, now.
    pub fn status(connector: i32, status: &str) -> Value {
        json!({ "connectorId": connector, "errorCode": "NoError", "status": status })
    }

    /// A session begins.
    pub fn start(register: i64, time: &str) -> Value {
        json!({ "connectorId": 1, "idTag": "CARD", "meterStart": register, "timestamp": time })
    }

    /// A register is read in a session.
    pub fn meter(transaction: i64, register: i64, time: &str) -> Value {
        let sampled = json!([{ "value": register.to_string() }]);
        json!({ "connectorId": 1, "transactionId": transaction, "meterValue": [{ "timestamp": time, "sampledValue": sampled }] })
    }

    /// A session ends.
    pub fn stop(transaction: i64, register: i64, time: &str) -> Value {
        json!({ "transactionId": transaction, "meterStop": register, "timestamp": time, "reason": "Local" })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(super::written(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(super::written(1_790_000_000_042), "2026-09-21T14:13:20.042Z");
        assert_eq!(super::written(951_782_400_000), "2000-02-29T00:00:00.000Z");
    }
}
