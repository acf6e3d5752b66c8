//! The connection to a mail server: TCP, in the clear or under TLS, with one deadline for all of it.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mail_protocol::Host;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// How long one address of a server may take to answer; there may be another.
const CONNECTING: Duration = Duration::from_secs(10);

/// A stream that fails when its time is over, however the bytes are spread over it.
pub struct Timed {
    stream: TcpStream,
    until: Instant,
}

/// A connection.
pub enum Connection {
    /// In the clear.
    Plain(Timed),
    /// Under TLS.
    Protected(Box<StreamOwned<ClientConnection, Timed>>),
}

fn left(until: Instant) -> std::io::Result<Duration> {
    match until.checked_duration_since(Instant::now()) {
        Some(left) if !left.is_zero() => Ok(left),
        _ => Err(Error::new(ErrorKind::TimedOut, "no answer in time")),
    }
}

/// A socket's own time limit ends in `WouldBlock`.
fn timed_out<T>(result: std::io::Result<T>) -> std::io::Result<T> {
    result.map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => Error::new(ErrorKind::TimedOut, "no answer in time"),
        _ => error,
    })
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.until)?))?;
        timed_out(self.stream.read(buffer))
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.until)?))?;
        timed_out(self.stream.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Protected(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Protected(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Protected(stream) => stream.flush(),
        }
    }
}

impl Connection {
    /// Connects to the first address of the server that answers.
    pub fn open(host: &Host, port: u16, until: Instant) -> std::io::Result<Self> {
        let mut last = Error::new(ErrorKind::NotFound, "the name has no address");
        for address in (host.as_str(), port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, left(until)?.min(CONNECTING)) {
                Ok(stream) => return Ok(Self::Plain(Timed { stream, until })),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Our own end.
    pub fn local_address(&self) -> Option<IpAddr> {
        let timed = match self {
            Self::Plain(timed) => timed,
            Self::Protected(stream) => &stream.sock,
        };
        timed.stream.local_addr().ok().map(|address: SocketAddr| address.ip())
    }

    /// Changes over to TLS, with a certificate for that host.
    pub fn protect(self, host: &Host, config: Arc<ClientConfig>) -> std::io::Result<Self> {
        let Self::Plain(mut timed) = self else {
            return Err(Error::new(ErrorKind::InvalidInput, "is under TLS already"));
        };
        let name = ServerName::try_from(host.as_str().to_owned()).map_err(Error::other)?;
        let mut session = ClientConnection::new(config, name).map_err(Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut timed)?;
        }
        Ok(Self::Protected(Box::new(StreamOwned::new(session, timed))))
    }
}

/// What is trusted: the authorities of this host.
pub fn trust() -> std::io::Result<Arc<ClientConfig>> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let message = "this host trusts no certificate authority: install ca-certificates";
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    trust_in(roots)
}

/// Trust in those authorities.
pub fn trust_in(roots: RootCertStore) -> std::io::Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
