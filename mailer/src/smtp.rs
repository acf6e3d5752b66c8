//! SMTP, the client's side (RFC 5321): one mail to one recipient.

mod dialogue;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use base64ct::{Base64, Encoding};
use mail_protocol::{Host, Mail, Tls, Username};
use rustls::ClientConfig;
use zeroize::Zeroizing;

use self::dialogue::{Dialogue, Reply};
use crate::connection::{Connection, trust};

/// Why a mail was not taken over. The reason is for an administrator, and holds nothing of the body.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// It will be refused the next time too.
    Refused(String),
    /// It may work later.
    Unavailable(String),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A server, and the way there.
pub struct Server<'a> {
    /// Its name or address.
    pub host: &'a Host,
    /// Its port.
    pub port: u16,
    /// How the way is protected.
    pub tls: Tls,
    /// Who logs in, if anybody.
    pub login: Option<Login<'a>>,
}

/// Who logs in.
pub struct Login<'a> {
    /// The name.
    pub username: &'a Username,
    /// The password, if there is one.
    pub password: Option<Zeroizing<Vec<u8>>>,
}

/// Has a server take a mail over, as it travels; or greets it and leaves again, without one.
pub fn send(
    server: &Server<'_>,
    mail: Option<(&Mail, &str)>,
    until: Instant,
) -> Result<(), Failure> {
    send_trusting(server, mail, until, trust)
}

fn send_trusting(
    server: &Server<'_>,
    mail: Option<(&Mail, &str)>,
    until: Instant,
    trust: impl FnOnce() -> std::io::Result<Arc<ClientConfig>>,
) -> Result<(), Failure> {
    let Server { host, port, tls, login } = server;
    let password = match login {
        None => None,
        Some(Login { password: None, .. }) => {
            let message = "there is no password: give it as the credential roster.smtp-password";
            return Err(Failure::Refused(message.to_owned()));
        }
        Some(_) if *tls == Tls::None && !host.is_local() => {
            let message = "a password is not sent in the clear: set tls to starttls or tls";
            return Err(Failure::Refused(message.to_owned()));
        }
        Some(Login { username, password: Some(password) }) => Some((username, password)),
    };
    let at = |error: std::io::Error| {
        Failure::Unavailable(format!("{} port {port}: {error}", host.as_str()))
    };
    let mut connection = Connection::open(host, *port, until).map_err(at)?;
    let name = our_name(&connection);
    if *tls == Tls::Tls {
        connection = connection.protect(host, trust().map_err(at)?).map_err(at)?;
        let mut dialogue = Dialogue::new(connection);
        dialogue.greeting()?;
        return say(dialogue, &name, password, mail);
    }
    let mut dialogue = Dialogue::new(connection);
    dialogue.greeting()?;
    if *tls == Tls::Starttls {
        if !dialogue.hello(&name)?.offers("STARTTLS") {
            return Err(Failure::Refused("the server offers no STARTTLS".to_owned()));
        }
        dialogue.expect("STARTTLS", 220)?;
        // What came in the clear, and was not asked for, must not count once TLS is there.
        let connection = dialogue.into_stream()?;
        dialogue = Dialogue::new(connection.protect(host, trust().map_err(at)?).map_err(at)?);
    }
    say(dialogue, &name, password, mail)
}

/// The dialogue, from where it is protected as far as it is to be.
fn say(
    mut dialogue: Dialogue<Connection>,
    name: &str,
    login: Option<(&&Username, &Zeroizing<Vec<u8>>)>,
    mail: Option<(&Mail, &str)>,
) -> Result<(), Failure> {
    let hello = dialogue.hello(name)?;
    if let Some((username, password)) = login {
        log_in(&mut dialogue, &hello, username, password)?;
    }
    let Some((mail, text)) = mail else {
        dialogue.end();
        return Ok(());
    };
    dialogue.expect(&format!("MAIL FROM:<{}>", mail.from.as_str()), 250)?;
    dialogue.expect(&format!("RCPT TO:<{}>", mail.to.as_str()), 250)?;
    dialogue.expect("DATA", 354)?;
    let taken = dialogue.content(text)?;
    dialogue.end();
    // By its code alone: its words might be the mail's.
    match taken.code {
        250..=259 => Ok(()),
        code @ 500..=599 => Err(Failure::Refused(format!("the server refused the mail ({code})"))),
        code => Err(Failure::Unavailable(format!("the server did not take the mail ({code})"))),
    }
}

/// AUTH PLAIN (RFC 4616), or LOGIN where there is nothing else.
fn log_in(
    dialogue: &mut Dialogue<Connection>,
    hello: &Reply,
    username: &Username,
    password: &[u8],
) -> Result<(), Failure> {
    let user = username.as_str().as_bytes();
    if hello.offers_login("PLAIN") {
        let mut plain = Zeroizing::new(Vec::with_capacity(user.len() + password.len() + 2));
        for part in [b"\0", user, b"\0", password] {
            plain.extend_from_slice(part);
        }
        let line = Zeroizing::new(Base64::encode_string(&plain));
        let mut command = Zeroizing::new(String::with_capacity(line.len() + 16));
        command.push_str("AUTH PLAIN ");
        command.push_str(&line);
        return dialogue.expect_as(&command, "AUTH PLAIN", 235);
    }
    if hello.offers_login("LOGIN") {
        dialogue.expect("AUTH LOGIN", 334)?;
        dialogue.expect_as(&Zeroizing::new(Base64::encode_string(user)), "AUTH LOGIN", 334)?;
        let line = Zeroizing::new(Base64::encode_string(password));
        return dialogue.expect_as(&line, "AUTH LOGIN", 235);
    }
    Err(Failure::Refused("the server offers neither AUTH PLAIN nor AUTH LOGIN".to_owned()))
}

/// How we introduce ourselves: by the host's name if it is a full one, else by our address
/// (RFC 5321, 4.1.3).
fn our_name(connection: &Connection) -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_str().ok().and_then(|name| Host::parse(name).ok());
    match (name, connection.local_address()) {
        (Some(name), _) if name.as_str().contains('.') && !name.as_str().contains(':') => {
            name.as_str().to_owned()
        }
        (_, Some(std::net::IpAddr::V4(address))) => format!("[{address}]"),
        (_, Some(std::net::IpAddr::V6(address))) => format!("[IPv6:{address}]"),
        (_, None) => "localhost".to_owned(),
    }
}
