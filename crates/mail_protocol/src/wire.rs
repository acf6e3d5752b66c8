//! The request and the answer, as JSON.

use std::io::Read;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::text::{Address, Body, Host, Subject, Username};
use crate::{MAX_ANSWER, MAX_REQUEST, VERSION};

/// A mail: one recipient, plain text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Who sends it, and gets to know that it could not be delivered.
    pub from: Address,
    /// Who gets it.
    pub to: Address,
    /// What it is about.
    pub subject: Subject,
    /// What it says.
    pub body: Body,
}

/// How an SMTP connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Not at all.
    #[default]
    None,
    /// It begins in the clear and must change over before anything is said (RFC 3207).
    Starttls,
    /// From the first byte (RFC 8314).
    Tls,
}

/// The way a mail goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Transport {
    /// To a server (RFC 5321). The password is the mailer's own credential.
    Smtp {
        /// The server.
        host: Host,
        /// Its port.
        port: u16,
        /// The protection of the way there.
        tls: Tls,
        /// Who logs in there, if anybody.
        username: Option<Username>,
    },
    /// To the sendmail program of this host.
    Sendmail,
}

/// What the mailer is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    version: u32,
    /// The way.
    pub transport: Transport,
    /// The mail. Without one the server is greeted and left again, so that who watches the mailer
    /// does not see whether a stranger's request has come to anything.
    pub mail: Option<Mail>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase", deny_unknown_fields)]
pub enum Answer {
    /// A server or program has taken the mail over.
    Sent,
    /// It was refused, and will be the next time.
    Refused {
        /// Why, for an administrator; never anything of the body.
        reason: String,
    },
    /// It was not taken over now.
    Unavailable {
        /// Why, for an administrator; never anything of the body.
        reason: String,
    },
}

/// Why a request or an answer was not understood. Tells nothing of its content.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The stream failed.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// It does not end where it must.
    #[error("a message is longer than {0} bytes")]
    TooLong(usize),
    /// It is no message.
    #[error("a message cannot be understood (line {line}, column {column})")]
    Malformed {
        /// Where, counted from 1.
        line: usize,
        /// Where, counted from 1.
        column: usize,
    },
    /// It is of another version.
    #[error("a message is of version {0}, not {VERSION}")]
    Version(u32),
}

impl WireError {
    /// Without serde's own words, which quote what they do not like.
    fn malformed(error: &serde_json::Error) -> Self {
        Self::Malformed { line: error.line(), column: error.column() }
    }
}

impl Request {
    /// A request of this version.
    #[must_use]
    pub const fn new(transport: Transport, mail: Mail) -> Self {
        Self { version: VERSION, transport, mail: Some(mail) }
    }

    /// The request of this version that sends nothing.
    #[must_use]
    pub const fn without_mail(transport: Transport) -> Self {
        Self { version: VERSION, transport, mail: None }
    }

    /// As it is sent.
    ///
    /// # Errors
    /// When it is too long.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, WireError> {
        // Allocated once, so that no copy stays behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_REQUEST));
        serde_json::to_writer(&mut *bytes, self).map_err(|error| WireError::malformed(&error))?;
        if bytes.len() > MAX_REQUEST {
            return Err(WireError::TooLong(MAX_REQUEST));
        }
        Ok(bytes)
    }

    /// Reads one, to the end of the stream.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn read(stream: impl Read) -> Result<Self, WireError> {
        /// What every version has.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let bytes = read_all(stream, MAX_REQUEST)?;
        let malformed = |error: serde_json::Error| WireError::malformed(&error);
        let Versioned { version } = serde_json::from_slice(&bytes).map_err(malformed)?;
        if version != VERSION {
            return Err(WireError::Version(version));
        }
        serde_json::from_slice(&bytes).map_err(malformed)
    }
}

impl Answer {
    /// The answer that it was refused, for a reason of one line.
    #[must_use]
    pub fn refused(reason: &str) -> Self {
        Self::Refused { reason: one_line(reason) }
    }

    /// The answer that it did not work now, for a reason of one line.
    #[must_use]
    pub fn unavailable(reason: &str) -> Self {
        Self::Unavailable { reason: one_line(reason) }
    }

    /// As it is sent.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Its reason is cut to length, and there is nothing else in it that could fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads one, to the end of the stream.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn read(stream: impl Read) -> Result<Self, WireError> {
        let bytes = read_all(stream, MAX_ANSWER)?;
        let answer = serde_json::from_slice(&bytes);
        match answer.map_err(|error| WireError::malformed(&error))? {
            Self::Sent => Ok(Self::Sent),
            Self::Refused { reason } => Ok(Self::refused(&reason)),
            Self::Unavailable { reason } => Ok(Self::unavailable(&reason)),
        }
    }
}

/// What a server says may be anything.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

fn read_all(mut stream: impl Read, limit: usize) -> Result<Zeroizing<Vec<u8>>, WireError> {
    let mut bytes = Zeroizing::new(vec![0; limit + 1]);
    let mut length = 0;
    while length <= limit {
        match stream.read(&mut bytes[length..]) {
            Ok(0) => {
                bytes.truncate(length);
                return Ok(bytes);
            }
            Ok(count) => length += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(WireError::TooLong(limit))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn request() -> Request {
        Request::new(
            Transport::Smtp {
                host: Host::parse("mail.example.org").unwrap(),
                port: 587,
                tls: Tls::Starttls,
                username: Some(Username::parse("roster").unwrap()),
            },
            Mail {
                from: Address::parse("roster@example.org").unwrap(),
                to: Address::parse("layla@example.org").unwrap(),
                subject: Subject::parse("Your account").unwrap(),
                body: Body::new(Zeroizing::new("Dear \"layla\",\nthe secret token\n".into()))
                    .unwrap(),
            },
        )
    }

    #[test]
    fn a_request_arrives_as_it_was_sent() {
        let sent = request();
        assert_eq!(Request::read(&**sent.to_bytes().unwrap()).unwrap(), sent);
        let sent = Request { transport: Transport::Sendmail, ..sent };
        assert_eq!(Request::read(&**sent.to_bytes().unwrap()).unwrap(), sent);
        let sent = Request::without_mail(Transport::Sendmail);
        assert_eq!(Request::read(&**sent.to_bytes().unwrap()).unwrap(), sent);
    }

    #[test]
    fn answers_arrive_as_they_were_sent() {
        for sent in [Answer::Sent, Answer::refused("550 no"), Answer::unavailable("451 later")] {
            assert_eq!(Answer::read(&*sent.to_bytes()).unwrap(), sent);
        }
        let long = Answer::refused(&format!("a\r\nb{}", "\u{1f600}".repeat(1000)));
        let Answer::Refused { reason } = Answer::read(&*long.to_bytes()).unwrap() else {
            panic!("refused")
        };
        assert!(reason.starts_with("a  b") && reason.chars().count() == 300);
    }

    #[test]
    fn what_is_no_request_is_refused_without_being_quoted() {
        let good = String::from_utf8(request().to_bytes().unwrap().to_vec()).unwrap();
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("\"to\":\"layla@", "\"to\":\"layla@example.org, bob@"),
            ("layla@example.org", "layla@example.org\\r\\nBcc: bob@example.org"),
            ("Your account", "Your account\\nBcc: bob@example.org"),
            ("the secret token\\n", "the secret token\\r\\n.\\r\\n"),
            ("\"smtp\"", "\"the secret token\""),
            ("mail.example.org", "mail.example.org\\r\\nRSET"),
            ("{\"version\"", "{\"x\":1,\"version\""),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            let error = Request::read(bad.as_bytes()).unwrap_err();
            assert!(!error.to_string().contains("token"), "{error}");
        }
        assert!(matches!(Request::read(&b"{\"version\":2}"[..]), Err(WireError::Version(2))));
        assert!(matches!(
            Request::read(&good.as_bytes()[..good.len() - 1]),
            Err(WireError::Malformed { .. })
        ));
        assert!(matches!(Request::read(std::io::repeat(b' ')), Err(WireError::TooLong(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Request::read(&*bytes);
            let _ = Answer::read(&*bytes);
        }
    }
}
