//! The way to the central system: a socket, with TLS on top of it where the address says so.

use hyper::Uri;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// What leads to the central system.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// The roots that a central system's certificate must lead to.
#[derive(Clone)]
pub struct Roots(TlsConnector);

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Roots")
    }
}

impl Roots {
    /// Reads them from a file's PEM.
    ///
    /// # Errors
    /// It holds none.
    pub fn read(pem: &[u8]) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate?)?;
        }
        if roots.is_empty() {
            return Err("there is no certificate in it (PEM, -----BEGIN CERTIFICATE-----)".into());
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth();
        Ok(Self(Arc::new(config).into()))
    }
}

/// Connects to where an address lies: by TLS for `wss` and `https`, in the clear for `ws` and `http`.
pub(crate) async fn connect(
    address: &Uri,
    roots: Option<&Roots>,
) -> Result<Box<dyn Wire>, Box<dyn Error + Send + Sync>> {
    let (port, is_secure) = match address.scheme_str() {
        Some("ws" | "http") => (80, false),
        Some("wss" | "https") => (443, true),
        _ => return Err("the address is none of ws, wss, http and https".into()),
    };
    let authority = address.authority().ok_or("no host")?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(port))).await?;
    if !is_secure {
        return Ok(Box::new(stream));
    }
    let Roots(connector) = roots.ok_or("no root is known that a certificate could lead to")?;
    Ok(Box::new(connector.connect(ServerName::try_from(host.to_owned())?, stream).await?))
}
