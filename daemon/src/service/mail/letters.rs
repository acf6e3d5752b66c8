//! What the mails say. Nothing in them comes from users but their names, which are plain words.

use accounts::UserName;
use mail_protocol::{Body, Host, Subject, TextError};
use zeroize::Zeroizing;

use crate::config::TOKEN;
use crate::secret::Secret;
use crate::service::Error;

/// More than any letter takes, so that no copy of a token stays behind.
const ROOM: usize = 32 * 1024;

/// A mail's subject and text.
pub(super) struct Letter {
    pub(super) subject: Subject,
    pub(super) body: Body,
}

/// What a letter says about the host and its settings.
pub(super) struct Terms<'a> {
    /// The host's name.
    pub(super) host: String,
    /// The page that takes the token, or nothing.
    pub(super) link: &'a str,
    /// How long the token lasts.
    pub(super) seconds: u32,
}

/// The host's name, as far as it is one.
pub(super) fn host_name() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_str().ok().and_then(|name| Host::parse(name).ok());
    name.map_or_else(|| "this system".to_owned(), String::from)
}

/// The first mail to a user, with a token to choose a password with, or without.
pub(super) fn welcome(
    terms: &Terms<'_>,
    name: &UserName,
    token: Option<&Secret>,
) -> Result<Letter, Error> {
    let mut page = Page::to(name);
    page.line(&format!("there is an account for you on {}.", terms.host));
    page.line("");
    page.line(&format!("Your user name: {name}"));
    if let Some(token) = token {
        page.line("");
        page.choose_password(terms, token)?;
    }
    page.letter(&format!("Your account {name} on {}", terms.host))
}

/// A token to choose a new password with, for each account with the address.
pub(super) fn reset(terms: &Terms<'_>, accounts: &[(UserName, Secret)]) -> Result<Letter, Error> {
    let mut page = Page::new();
    page.line("Hello,");
    page.line("");
    page.line(&format!("somebody has asked for a new password on {} with this", terms.host));
    page.line("mail address. If it was not you, do nothing: your password stays as it is.");
    for (name, token) in accounts {
        page.line("");
        page.line(&format!("User name: {name}"));
        page.line("");
        page.choose_password(terms, token)?;
    }
    page.letter(&format!("A new password on {}", terms.host))
}

/// A token that proves the address.
pub(super) fn verification(
    terms: &Terms<'_>,
    name: &UserName,
    token: &Secret,
) -> Result<Letter, Error> {
    let mut page = Page::to(name);
    page.line(&format!("this address was given for your account on {}. To show", terms.host));
    let time = duration(terms.seconds);
    page.offer(terms, token, &format!("that it is yours, within {time},"), "confirm-email")?;
    page.letter(&format!("Your mail address on {}", terms.host))
}

/// A text that grows line by line, and never moves.
struct Page(Zeroizing<String>);

impl Page {
    fn new() -> Self {
        Self(Zeroizing::new(String::with_capacity(ROOM)))
    }

    fn to(name: &UserName) -> Self {
        let mut page = Self::new();
        page.line(&format!("Hello {name},"));
        page.line("");
        page
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn choose_password(&mut self, terms: &Terms<'_>, token: &Secret) -> Result<(), Error> {
        let time = duration(terms.seconds);
        self.offer(terms, token, &format!("To choose a password, within {time},"), "reset-password")
    }

    /// The link, or the token and the command that takes it.
    fn offer(
        &mut self,
        terms: &Terms<'_>,
        token: &Secret,
        purpose: &str,
        verb: &str,
    ) -> Result<(), Error> {
        let token = token.as_str().ok_or_else(|| unfit(None))?;
        if let Some((before, after)) = terms.link.split_once(TOKEN) {
            self.line(&format!("{purpose} open this page, once:"));
            self.line("");
            for part in ["    ", before, token, after, "\n"] {
                self.0.push_str(part);
            }
        } else {
            self.line(&format!("{purpose} run"));
            self.line("");
            self.line(&format!("    roster user {verb}"));
            self.line("");
            self.line(&format!("on {} and enter this code, which works once:", terms.host));
            self.line("");
            for part in ["    ", token, "\n"] {
                self.0.push_str(part);
            }
        }
        Ok(())
    }

    fn letter(self, subject: &str) -> Result<Letter, Error> {
        let short: String = subject.chars().take(200).collect();
        let subject = Subject::parse(&short).map_err(|error| unfit(Some(error)))?;
        Ok(Letter { subject, body: Body::new(self.0).map_err(|error| unfit(Some(error)))? })
    }
}

fn unfit(why: Option<TextError>) -> Error {
    let why = why.map_or_else(|| "the token is no text".to_owned(), |why| why.to_string());
    Error::MailUnavailable(format!("the mail cannot be written: {why}"))
}

/// A time in the largest unit that tells it.
fn duration(seconds: u32) -> String {
    let (number, unit) = match seconds {
        86_400.. if seconds.is_multiple_of(86_400) => (seconds / 86_400, "day"),
        3600.. if seconds.is_multiple_of(3600) => (seconds / 3600, "hour"),
        60.. => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LINK: &str = "https://accounts.example.org/reset?token={token}&x=1";

    fn name(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    fn terms(link: &str) -> Terms<'_> {
        Terms { host: "debian".to_owned(), link, seconds: 3600 }
    }

    fn token(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    #[test]
    fn a_welcome_has_a_token_when_one_was_made() {
        let letter = welcome(&terms(""), &name("layla"), None).unwrap();
        assert_eq!(letter.subject.as_str(), "Your account layla on debian");
        assert!(letter.body.as_str().starts_with("Hello layla,\n\n"), "{}", letter.body.as_str());
        assert!(!letter.body.as_str().contains("password"));
        let letter = welcome(&terms(""), &name("layla"), Some(&token("roster_pr_x"))).unwrap();
        let body = letter.body.as_str();
        assert!(body.contains("within 1 hour") && body.contains("roster user reset-password\n"));
        assert!(body.contains("\n    roster_pr_x\n"), "{body}");
        assert!(!letter.subject.as_str().contains("roster_pr"));
    }

    #[test]
    fn a_link_stands_in_for_the_command() {
        let accounts = [(name("layla"), token("roster_pr_x")), (name("ops"), token("roster_pr_y"))];
        let letter = reset(&terms(LINK), &accounts).unwrap();
        let body = letter.body.as_str();
        for expected in [
            "User name: layla\n",
            "    https://accounts.example.org/reset?token=roster_pr_x&x=1\n",
            "User name: ops\n",
            "    https://accounts.example.org/reset?token=roster_pr_y&x=1\n",
        ] {
            assert!(body.contains(expected), "{expected}: {body}");
        }
        assert!(!body.contains("roster user"), "{body}");
    }

    #[test]
    fn an_address_is_proven_by_a_command_of_its_own() {
        let letter = verification(&terms(""), &name("layla"), &token("roster_ev_x")).unwrap();
        assert!(letter.body.as_str().contains("roster user confirm-email\n"));
        assert!(letter.body.as_str().contains("\n    roster_ev_x\n"));
    }

    #[test]
    fn times_are_told_in_words() {
        for (seconds, said) in [
            (60, "1 minute"),
            (59, "59 seconds"),
            (3600, "1 hour"),
            (5400, "90 minutes"),
            (7200, "2 hours"),
            (86_400, "1 day"),
            (90_000, "25 hours"),
        ] {
            assert_eq!(duration(seconds), said);
        }
    }

    #[test]
    fn what_is_no_plain_text_is_not_written() {
        let odd = Terms { host: "a\r\nBcc: b@c".to_owned(), link: "", seconds: 60 };
        assert!(welcome(&odd, &name("layla"), None).is_err());
        assert!(welcome(&terms(""), &name("layla"), Some(&Secret::new(vec![0xff]))).is_err());
        assert!(welcome(&terms(""), &name("layla"), Some(&token("a\r\n.\r\n"))).is_err());
    }
}
