//! TLS: the certificate and its key, which are read anew when their files change, and how a connection begins.

use arc_swap::ArcSwap;
use bmw_app::state::Ending;
use bmw_ocpp::{Tunnel, Wire};
use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};
use tokio_rustls::server::TlsStream;

/// How long the beginning of a connection may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// What a record of a handshake begins with (RFC 8446, 5.1); nothing of HTTP does.
const HANDSHAKE_RECORD: u8 = 0x16;
/// The one protocol that is spoken over it (RFC 7301).
const PROTOCOL: &[u8] = b"http/1.1";

/// Where the certificate and its key lie, both as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate, with those that lead from it to its root behind it.
    pub certificate: PathBuf,
    /// Its private key, without a password.
    pub key: PathBuf,
}

/// How the site is served by TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// With which certificate.
    pub files: Files,
    /// Where all that is served is the way to HTTPS, `HOST:PORT`.
    pub redirect_listen: Option<String>,
    /// Whether charge points are served without it at the address of their own.
    pub ocpp_plain: bool,
}

/// Why a certificate cannot be used: by which option it was given, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable(String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Files {
    fn unusable_certificate(&self, what: impl fmt::Display) -> Unusable {
        Unusable(format!("--tls-cert: {}: {what}", self.certificate.display()))
    }

    fn unusable_key(&self, what: impl fmt::Display) -> Unusable {
        Unusable(format!("--tls-key: {}: {what}", self.key.display()))
    }

    /// What is in the files.
    fn read(&self) -> Read {
        let read = |path: &Path| fs::read(path).map_err(|error| error.to_string());
        Read { certificate: read(&self.certificate), key: read(&self.key) }
    }

    /// The certificate with its key, if they can be used.
    fn pair(&self, read: Read, provider: &CryptoProvider) -> Result<CertifiedKey, Unusable> {
        let chain = read.certificate.map_err(|error| self.unusable_certificate(error))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
        let chain = chain.map_err(|error| self.unusable_certificate(error))?;
        if chain.is_empty() {
            return Err(self.unusable_certificate("there is no certificate in it (PEM, -----BEGIN CERTIFICATE-----)"));
        }
        let key = read.key.map_err(|error| self.unusable_key(error))?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| {
            self.unusable_key("there is no private key in it (PEM, -----BEGIN PRIVATE KEY-----, without a password)")
        })?;
        let key = provider.key_provider.load_private_key(key).map_err(|error| self.unusable_key(error))?;
        let pair = CertifiedKey::new(chain, key);
        match pair.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
            Err(Error::InconsistentKeys(_)) => {
                let certificate = self.certificate.display();
                Err(self.unusable_key(format_args!("it is not the key of the certificate in {certificate}")))
            }
            Err(error) => Err(self.unusable_certificate(error)),
        }
    }
}

/// What was in the files.
#[derive(Hash)]
struct Read {
    certificate: Result<Vec<u8>, String>,
    key: Result<Vec<u8>, String>,
}

impl Read {
    /// What changes when they do.
    fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// The certificate that connections are begun with.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// How connections begin.
pub struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
    provider: Arc<CryptoProvider>,
    files: Files,
}

/// How a connection has begun.
pub enum Begun {
    /// With TLS.
    Secure(Wire),
    /// With something else: HTTP, perhaps.
    Plain(TcpStream),
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// They cannot be used. What is given besides is for [`Tls::keep_current`].
    pub fn open(files: Files) -> Result<(Self, Seen), Unusable> {
        let provider = Arc::new(ring::default_provider());
        let read = files.read();
        let seen = Seen { used: read.mark(), last: read.mark() };
        let current = Arc::new(Current(ArcSwap::from_pointee(files.pair(read, &provider)?)));
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let config = config.map_err(|error| Unusable(format!("--tls-cert: {error}")))?;
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::clone(&current) as _);
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok((Self { acceptor: Arc::new(config).into(), current, provider, files }, seen))
    }

    /// Begins a connection; `None` when nothing comes of it, or not in time.
    pub async fn begin(&self, stream: TcpStream) -> Option<Begun> {
        self.begin_within(HANDSHAKE, stream).await
    }

    async fn begin_within(&self, patience: Duration, stream: TcpStream) -> Option<Begun> {
        match timeout(patience, self.shake_hands(stream)).await {
            Ok(Ok(begun)) => Some(begun),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a connection does not begin");
                None
            }
            Err(_) => {
                tracing::debug!("a connection takes too long to begin");
                None
            }
        }
    }

    async fn shake_hands(&self, stream: TcpStream) -> io::Result<Begun> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first != [HANDSHAKE_RECORD] {
            return Ok(Begun::Plain(stream));
        }
        let stream = self.acceptor.accept(Movable(Some(stream))).await?;
        Ok(Begun::Secure(Wire::Tunnel(Box::new(Secured(stream)))))
    }

    /// Reads the files anew whenever they change, until the end of the program. A pair that cannot be used changes nothing.
    pub async fn keep_current(self: Arc<Self>, mut seen: Seen, mut ending: Ending) {
        loop {
            tokio::select! {
                () = sleep(LOOK) => {}
                () = ending.begun() => return,
            }
            let tls = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || {
                let outcome = tls.look(&mut seen);
                (seen, outcome)
            });
            let (after, outcome) = match looked.await {
                Ok(looked) => looked,
                Err(error) => return tracing::error!(%error, "the certificate is looked at no more"),
            };
            seen = after;
            match outcome {
                None => {}
                Some(Ok(())) => tracing::info!("the certificate was read anew"),
                Some(Err(error)) => tracing::error!("{error}; the certificate of before is used on"),
            }
        }
    }

    /// Looks at the files: `None` when there is nothing to do. Whoever writes them may be in the middle of it, so what is new
    /// is used when it is the same twice.
    fn look(&self, seen: &mut Seen) -> Option<Result<(), Unusable>> {
        let read = self.files.read();
        let mark = read.mark();
        if mark == seen.used || mark != std::mem::replace(&mut seen.last, mark) {
            return None;
        }
        seen.used = mark;
        Some(self.files.pair(read, &self.provider).map(|pair| self.current.0.store(Arc::new(pair))))
    }
}

/// What was seen of the files.
pub struct Seen {
    /// When they were last tried.
    used: u64,
    /// When they were last looked at.
    last: u64,
}

/// A socket that can be taken out for a moment.
#[derive(Debug)]
struct Movable(Option<TcpStream>);

impl Movable {
    fn socket(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.0.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Movable {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.get_mut().socket()?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for Movable {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().socket()?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().socket()?.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().socket()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().socket()?.poll_shutdown(cx)
    }
}

/// TLS on a socket.
#[derive(Debug)]
struct Secured(TlsStream<Movable>);

impl Tunnel for Secured {
    fn settle(&mut self) -> io::Result<()> {
        let (socket, _) = self.0.get_mut();
        let moved = socket.0.take().ok_or(io::ErrorKind::NotConnected)?;
        socket.0 = Some(bmw_ocpp::settled(moved)?);
        Ok(())
    }
}

impl AsyncRead for Secured {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;
    use tokio::net::TcpListener;

    /// A certificate and its key.
    fn pair() -> [String; 2] {
        let key = KeyPair::generate().unwrap();
        [CertificateParams::default().self_signed(&key).unwrap().pem(), key.serialize_pem()]
    }

    fn files(folder: &TempDir, [certificate, key]: [&str; 2]) -> Files {
        let in_folder = |name| folder.path().join(name);
        let files = Files { certificate: in_folder("cert.pem"), key: in_folder("key.pem") };
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        files
    }

    #[test]
    fn what_cannot_be_used_is_told_by_its_option() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = &pair();
        let [_, other_key] = &pair();
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let half = &certificate[..certificate.len() / 2];
        for (texts, word) in [
            (["", key], "--tls-cert: "),
            (["nonsense", key], "no certificate in it"),
            ([key, certificate], "--tls-cert: "),
            ([half, key], "--tls-cert: "),
            ([no_certificate, key], "--tls-cert: "),
            ([certificate, ""], "no private key in it"),
            ([certificate, certificate], "no private key in it"),
            ([certificate, &encrypted], "without a password"),
            ([certificate, no_key], "--tls-key: "),
            ([certificate, other_key], "not the key of the certificate"),
        ] {
            let error = Tls::open(files(&folder, texts)).err().unwrap().to_string();
            assert!(error.contains(word) && error.starts_with("--tls-"), "{word}: {error}");
            assert!(error.contains(".pem: ") && !error.contains('\n'), "{error}");
        }
        // All in one file, as some write it.
        let both = format!("{key}{certificate}");
        assert!(Tls::open(files(&folder, [&both, &both])).is_ok());
        let mut files = files(&folder, [certificate, key]);
        files.certificate = folder.path().join("missing");
        assert!(Tls::open(files).err().unwrap().to_string().starts_with("--tls-cert: "));
    }

    #[test]
    fn a_pair_that_changes_is_used_when_it_is_whole_and_told_once_when_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = &[pair(), pair()];
        let (tls, mut seen) = Tls::open(files(&folder, [&first[0], &first[1]])).unwrap();
        let used = || tls.current.0.load_full();
        let before = used();
        let mut look = || tls.look(&mut seen);
        assert!(look().is_none() && look().is_none());

        // In the middle of being written: it may be whole the next time.
        files(&folder, [&second[0], &first[1]]);
        assert!(look().is_none());
        assert!(look().unwrap().is_err());
        assert!(look().is_none() && look().is_none(), "it is told once");
        assert!(Arc::ptr_eq(&before, &used()));
        fs::remove_file(&tls.files.key).unwrap();
        assert!(look().is_none());
        assert!(look().unwrap().unwrap_err().to_string().starts_with("--tls-key: "));
        assert!(Arc::ptr_eq(&before, &used()));

        files(&folder, [&second[0], &second[1]]);
        assert!(look().is_none());
        assert_eq!(look(), Some(Ok(())));
        assert!(look().is_none());
        assert!(!Arc::ptr_eq(&before, &used()));
        assert_eq!(used().cert, tls.files.pair(tls.files.read(), &tls.provider).unwrap().cert);
    }

    #[tokio::test]
    async fn who_says_nothing_does_not_begin_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = &pair();
        let (tls, _) = Tls::open(files(&folder, [certificate, key])).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // Nothing, and a record that does not end.
        for said in [&[][..], &[HANDSHAKE_RECORD, 3, 1, 1, 0]] {
            let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
            let client = client.unwrap();
            client.writable().await.unwrap();
            assert_eq!(client.try_write(said).unwrap(), said.len());
            assert!(tls.begin_within(Duration::from_millis(20), accepted.unwrap().0).await.is_none());
        }
    }
}
