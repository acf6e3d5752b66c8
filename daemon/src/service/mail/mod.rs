//! Mails to users.
//!
//! | file | subject |
//! | --- | --- |
//! | `letters` | what they say |
//! | `welcome` | the first mail, sent by an administrator or when a user is created |
//! | `reset` | a new password, for whoever reads the mail |
//! | `verification` | the proof that mail to an address arrives |
//! | `requests` | what strangers ask for: how often they may, and the queue to the mailer |
//!
//! A mail is handed over after the transaction that made its token: when it cannot leave, nobody has
//! the token, and asking again makes another one.

mod letters;
mod requests;
mod reset;
mod verification;
mod welcome;

#[cfg(test)]
mod tests;

use accounts::{Code, Email};
use mail_protocol::{Address, Mail, Request, Transport};
use serde_json::Value;

use self::letters::Letter;
pub(super) use self::requests::Requests;
use super::{Changed, Error, Service};
use crate::store::UserRow;

/// The way that mails go, and whom they are from.
type Way = (Transport, Address);

impl Service {
    /// The way that mails go.
    fn mail_way(&self) -> Result<Way, Error> {
        self.config.mail.way().ok_or_else(|| {
            let message = "no mail can be sent: set transport and from in the section [mail] of \
                           /etc/roster/roster.toml, and restart rosterd";
            Error::MailUnavailable(message.to_owned())
        })
    }

    /// Sends a mail, and waits until it has left.
    fn send_mail(&self, way: Way, to: &Email, letter: Letter) -> Result<(), Error> {
        let (transport, from) = way;
        let to = Address::parse(to.as_str())
            .map_err(|why| Error::MailUnavailable(format!("the user's address {why}")))?;
        let Letter { subject, body } = letter;
        self.hand_over(&Request::new(transport, Mail { from, to, subject, body }))
    }

    /// Does what can be seen of sending a mail, and sends none.
    fn send_nothing(&self, way: Way) -> Result<(), Error> {
        self.hand_over(&Request::without_mail(way.0))
    }

    fn hand_over(&self, request: &Request) -> Result<(), Error> {
        self.mailer.deliver(request).map_err(|error| Error::MailUnavailable(error.to_string()))
    }
}

/// The address of a user who must have one.
fn address_of(user: &UserRow) -> Result<Email, Error> {
    user.email.clone().ok_or_else(|| {
        let name = &user.name;
        let message =
            format!("{name} has no mail address: roster user update {name} --email ADDRESS");
        Error::field("email", Code::Required, message)
    })
}

/// A plan, if it is one, shows that a mail of that kind goes to that address.
fn with_mail(mut error: Error, kind: &str, to: &Email, says: &str) -> Error {
    if let Error::Planned(plan) = &mut error {
        let thing = ("mail".to_owned(), to.as_str().to_owned(), String::new());
        plan.changes.push(Changed::new(thing, kind.to_owned(), &Value::Null, &says.into()));
    }
    error
}
