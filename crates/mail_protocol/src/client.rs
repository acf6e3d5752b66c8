//! The daemon's end of the socket.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::wire::{Answer, Request, WireError};

/// Has the mailer behind that socket deliver a mail, within that time.
///
/// # Errors
/// When nobody has answered: the mail may have gone out all the same.
pub fn deliver(socket: &Path, request: &Request, within: Duration) -> Result<Answer, WireError> {
    let bytes = request.to_bytes()?;
    let mut stream = Timed { stream: UnixStream::connect(socket)?, until: Instant::now() + within };
    stream.write_all(&bytes)?;
    stream.stream.shutdown(Shutdown::Write)?;
    Answer::read(stream)
}

/// A stream that fails when its time is over, however the bytes are spread over it.
struct Timed {
    stream: UnixStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> std::io::Result<Option<Duration>> {
        match self.until.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(Some(left)),
            _ => Err(ErrorKind::TimedOut.into()),
        }
    }
}

/// A socket's own time limit ends in `WouldBlock`, which says nothing to an administrator.
fn timed_out<T>(result: std::io::Result<T>) -> std::io::Result<T> {
    result.map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    })
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        timed_out(self.stream.read(buffer))
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        timed_out(self.stream.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::net::UnixListener;

    use zeroize::Zeroizing;

    use super::*;
    use crate::{Address, Body, Mail, Subject, Transport};

    fn request() -> Request {
        let mail = Mail {
            from: Address::parse("a@example.org").unwrap(),
            to: Address::parse("b@example.org").unwrap(),
            subject: Subject::parse("Hello").unwrap(),
            body: Body::new(Zeroizing::new("Hello\n".to_owned())).unwrap(),
        };
        Request::new(Transport::Sendmail, mail)
    }

    /// A mailer that does that with its first connection.
    fn mailer(
        does: impl FnOnce(UnixStream) + Send + 'static,
    ) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mail");
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || does(listener.accept().unwrap().0));
        (dir, path)
    }

    #[test]
    fn a_mail_is_handed_over_and_answered() {
        let (_dir, path) = mailer(|mut stream| {
            let got = Request::read(&stream).unwrap();
            assert_eq!(got, request());
            stream.write_all(&Answer::refused("no").to_bytes()).unwrap();
        });
        let answer = deliver(&path, &request(), Duration::from_secs(10)).unwrap();
        assert_eq!(answer, Answer::refused("no"));
    }

    #[test]
    fn a_mailer_that_is_silent_or_gone_is_an_error() {
        let (dir, path) = mailer(|stream| {
            std::thread::sleep(Duration::from_secs(3));
            drop(stream);
        });
        let error = deliver(&path, &request(), Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("timed out"), "{error}");
        let (_dir, path) = mailer(drop);
        assert!(deliver(&path, &request(), Duration::from_secs(10)).is_err());
        let nobody = dir.path().join("nobody");
        let error = deliver(&nobody, &request(), Duration::from_secs(10)).unwrap_err();
        assert!(matches!(error, WireError::Io(error) if error.kind() == ErrorKind::NotFound));
    }
}
