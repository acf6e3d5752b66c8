//! How mails to users leave the host.

use mail_protocol::{Address, Host, Tls, Transport, Username};
use serde::Deserialize;

/// What a link has where the token goes.
pub const TOKEN: &str = "{token}";
/// The longest link, in bytes.
const MAX_LINK: usize = 512;

/// Mails to users: welcome, password reset, proof of an address.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// By which way they leave.
    pub transport: MailTransport,
    /// The address they are from.
    pub from: String,
    /// The SMTP server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is protected.
    pub tls: Tls,
    /// Who logs in there; nobody when empty. The password is a credential of the mailer's.
    pub username: String,
    /// The page on which a new password is chosen, with `{token}` in it. Without one, the mail holds
    /// the token and the command to type.
    pub reset_link: String,
    /// The page that takes the proof of an address, with `{token}` in it.
    pub verify_link: String,
    /// Whether anybody may have a mail sent to an account's address that lets its owner choose a new
    /// password.
    pub password_reset: bool,
    /// Whether a new user with an address is welcomed by itself.
    pub welcome_new_users: bool,
}

/// By which way mails leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// By none: no mail is sent.
    #[default]
    None,
    /// To a server.
    Smtp,
    /// By the sendmail program.
    Sendmail,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            transport: MailTransport::None,
            from: String::new(),
            host: "localhost".to_owned(),
            port: 25,
            tls: Tls::None,
            username: String::new(),
            reset_link: String::new(),
            verify_link: String::new(),
            password_reset: true,
            welcome_new_users: false,
        }
    }
}

impl Mail {
    /// The way that mails go, and whom they are from, if there is one.
    #[must_use]
    pub fn way(&self) -> Option<(Transport, Address)> {
        let transport = match self.transport {
            MailTransport::None => return None,
            MailTransport::Sendmail => Transport::Sendmail,
            MailTransport::Smtp => Transport::Smtp {
                host: Host::parse(&self.host).ok()?,
                port: self.port,
                tls: self.tls,
                username: self.login()?,
            },
        };
        Some((transport, Address::parse(&self.from).ok()?))
    }

    /// Who logs in, if anybody; nothing when that is no name.
    fn login(&self) -> Option<Option<Username>> {
        match self.username.as_str() {
            "" => Some(None),
            name => Username::parse(name).ok().map(Some),
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let host = Host::parse(&self.host).map_err(|why| format!("mail.host: {why}"))?;
        if self.port == 0 {
            return Err("mail.port: 1 to 65535".to_owned());
        }
        if self.transport != MailTransport::None && Address::parse(&self.from).is_err() {
            return Err("mail.from: give the address that mails are from".to_owned());
        }
        let login = self.login().ok_or("mail.username: is no name")?;
        if login.is_some() && self.tls == Tls::None && !host.is_local() {
            let message = "mail.tls: starttls or tls, when a username logs in at another host";
            return Err(message.to_owned());
        }
        check_link("mail.reset_link", &self.reset_link)?;
        check_link("mail.verify_link", &self.verify_link)
    }
}

fn check_link(setting: &str, link: &str) -> Result<(), String> {
    let visible = link.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    let is_web = link.starts_with("https://") || link.starts_with("http://");
    let fits = visible && is_web && link.len() <= MAX_LINK && link.matches(TOKEN).count() == 1;
    if link.is_empty() || fits {
        return Ok(());
    }
    Err(format!("{setting}: https://…{TOKEN}, with {TOKEN} once and no space, or empty"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn smtp() -> Mail {
        Mail {
            transport: MailTransport::Smtp,
            from: "roster@example.org".to_owned(),
            ..Mail::default()
        }
    }

    #[test]
    fn by_default_no_mail_is_sent() {
        Mail::default().check().unwrap();
        assert_eq!(Mail::default().way(), None);
    }

    #[test]
    fn the_way_is_what_the_settings_say() {
        let mail = Mail {
            host: "mail.example.org".to_owned(),
            port: 587,
            tls: Tls::Starttls,
            username: "roster".to_owned(),
            ..smtp()
        };
        mail.check().unwrap();
        let (transport, from) = mail.way().unwrap();
        let expected = Transport::Smtp {
            host: Host::parse("mail.example.org").unwrap(),
            port: 587,
            tls: Tls::Starttls,
            username: Some(Username::parse("roster").unwrap()),
        };
        assert_eq!((transport, from.as_str()), (expected, "roster@example.org"));
        let (transport, _) = Mail { transport: MailTransport::Sendmail, ..smtp() }.way().unwrap();
        assert_eq!(transport, Transport::Sendmail);
    }

    #[test]
    fn what_cannot_work_is_named() {
        let elsewhere = || Mail { host: "mail.example.org".to_owned(), ..smtp() };
        for (mail, setting) in [
            (Mail { from: String::new(), ..smtp() }, "mail.from"),
            (Mail { from: "a@b\nBcc: c@d".to_owned(), ..smtp() }, "mail.from"),
            (Mail { host: "a b".to_owned(), ..smtp() }, "mail.host"),
            (Mail { port: 0, ..smtp() }, "mail.port"),
            (Mail { username: "a\nb".to_owned(), ..smtp() }, "mail.username"),
            (Mail { username: "roster".to_owned(), ..elsewhere() }, "mail.tls"),
            (Mail { reset_link: "https://x/".to_owned(), ..smtp() }, "mail.reset_link"),
            (Mail { reset_link: "javascript:{token}".to_owned(), ..smtp() }, "mail.reset_link"),
            (Mail { verify_link: "https://x/{token} \n".to_owned(), ..smtp() }, "mail.verify_link"),
        ] {
            let error = mail.check().unwrap_err();
            assert!(error.starts_with(setting), "{error}");
        }
        Mail { username: "roster".to_owned(), ..smtp() }.check().unwrap();
        Mail { reset_link: "https://x/?t={token}".to_owned(), ..smtp() }.check().unwrap();
        elsewhere().check().unwrap();
    }
}
