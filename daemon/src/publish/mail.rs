//! Handing mails to the mailer, which is another process: this one has no network.

use std::path::PathBuf;
use std::time::Duration;

use mail_protocol::{Answer, Request};

/// A little longer than the mailer gives itself.
const PATIENCE: Duration = Duration::from_secs(45);

/// Why a mail did not leave. Says nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// A server refused it, and will again.
    #[error("the mail was refused: {0}")]
    Refused(String),
    /// It may leave later, or may have left.
    #[error("the mail was not sent: {0}")]
    Unavailable(String),
}

/// Who takes mails.
pub trait Mailer: Send + Sync {
    /// Hands a mail over, and waits for what comes of it.
    ///
    /// # Errors
    /// When it has not left.
    fn deliver(&self, request: &Request) -> Result<(), MailError>;
}

/// The mailer behind a socket.
pub struct SocketMailer {
    socket: PathBuf,
}

impl SocketMailer {
    /// The mailer that is reached there.
    #[must_use]
    pub const fn new(socket: PathBuf) -> Self {
        Self { socket }
    }
}

impl Mailer for SocketMailer {
    fn deliver(&self, request: &Request) -> Result<(), MailError> {
        match mail_protocol::deliver(&self.socket, request, PATIENCE) {
            Ok(Answer::Sent) => Ok(()),
            Ok(Answer::Refused { reason }) => Err(MailError::Refused(reason)),
            Ok(Answer::Unavailable { reason }) => Err(MailError::Unavailable(reason)),
            Err(error) => Err(MailError::Unavailable(format!(
                "the mailer gave no answer ({error}); see: systemctl status rosterd-mail.socket"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;
    use std::os::unix::net::UnixListener;

    use mail_protocol::{Address, Body, Mail, Subject, Transport};
    use zeroize::Zeroizing;

    use super::*;

    fn request() -> Request {
        let mail = Mail {
            from: Address::parse("a@example.org").unwrap(),
            to: Address::parse("b@example.org").unwrap(),
            subject: Subject::parse("Hello").unwrap(),
            body: Body::new(Zeroizing::new("Hello\n".to_owned())).unwrap(),
        };
        Request::new(Transport::Sendmail, mail)
    }

    #[test]
    fn what_the_mailer_answers_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mail");
        let answers = [Answer::Sent, Answer::refused("550 no"), Answer::unavailable("451 later")];
        let listener = UnixListener::bind(&path).unwrap();
        let served = std::thread::spawn(move || {
            for answer in answers {
                let mut stream = listener.accept().unwrap().0;
                Request::read(&stream).unwrap();
                stream.write_all(&answer.to_bytes()).unwrap();
            }
        });
        let mailer = SocketMailer::new(path);
        assert_eq!(mailer.deliver(&request()), Ok(()));
        assert_eq!(mailer.deliver(&request()), Err(MailError::Refused("550 no".to_owned())));
        assert_eq!(mailer.deliver(&request()), Err(MailError::Unavailable("451 later".to_owned())));
        served.join().unwrap();
        let MailError::Unavailable(why) = mailer.deliver(&request()).unwrap_err() else {
            panic!("nobody is there")
        };
        assert!(why.contains("rosterd-mail.socket"), "{why}");
    }
}
