//! App passwords, and logins by token. What the methods mean is in
//! packaging/dbus/org.roster.Accounts1.Tokens.xml.

use std::sync::Arc;

use accounts::{Code, ServiceName, Subject, Timestamp, TokenName};
use bus::{BusError, Dictionary};
use serde::Serialize;
use zbus::message::Header;
use zbus::{OwnedFd, interface};

use super::callers::Turnstile;
use super::door::{Door, give};
use super::errors::{bus_error, invalid};
use super::gate::Guarded;
use super::options::Options;
use super::records::{record, records, secret_json, subject};
use super::verb::Verb;
use crate::secret::Secret;
use crate::service::{LoginTokens, Service, TokenType, Which, gives_power};

/// Logins at a time, of one user and of all: each takes an argon2 computation.
const LOGINS: (usize, usize) = (4, 64);

/// The interface, on the object at /org/roster/Accounts1.
pub(super) struct Tokens {
    door: Arc<Door>,
    logins: Turnstile,
}

impl Tokens {
    pub(super) fn new(door: Arc<Door>) -> Self {
        Self { door, logins: Turnstile::new(LOGINS.0, LOGINS.1) }
    }
}

impl Guarded for Tokens {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

/// Tokens, as their descriptor carries them.
#[derive(Serialize)]
struct TokensJson<'a> {
    user: &'a str,
    access_token: Option<&'a str>,
    refresh_token: Option<&'a str>,
    access_expires_at: Timestamp,
    refresh_expires_at: Timestamp,
}

fn give_tokens(tokens: &LoginTokens) -> Result<OwnedFd, BusError> {
    give(&secret_json(&TokensJson {
        user: tokens.user.as_str(),
        access_token: tokens.access.as_str(),
        refresh_token: tokens.refresh.as_str(),
        access_expires_at: Timestamp(tokens.access_expires_at),
        refresh_expires_at: Timestamp(tokens.refresh_expires_at),
    })?)
}

/// A date among the options.
fn date(options: &mut Options, key: &str) -> Option<Timestamp> {
    let text = options.text(key)?;
    let date = Timestamp::parse(&text);
    if let Err(refused) = &date {
        options.refuse(key, refused.code, &refused.message);
    }
    date.ok()
}

#[interface(name = "org.roster.Accounts1.Tokens", introspection_docs = false)]
impl Tokens {
    #[zbus(out_args("id", "token"))]
    async fn create_token(
        &self,
        subject: &str,
        name: &str,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(i64, OwnedFd), BusError> {
        let subject = self::subject(subject)?;
        let name = TokenName::parse(name).map_err(|refused| invalid("name", &refused.message))?;
        let mut options = Options::new(options);
        let mut scope = Vec::new();
        for service in options.texts("scope").unwrap_or_default() {
            match ServiceName::parse(&service) {
                Ok(service) => scope.push(service),
                Err(refused) => options.refuse("scope", refused.code, &refused.message),
            }
        }
        let expires_at = date(&mut options, "expires_at");
        options.finish()?;
        let power = scope.iter().any(|service| gives_power(service.as_str()));
        let grant = self.door.grant(&call, Verb::CreateToken, Some(&subject)).await?;
        let grant = self.door.and_power(&call, grant, power).await?;
        let create = move |service: &Service| {
            service.create_token(&grant, &subject, &name, &scope, expires_at)
        };
        let (id, token) = self.door.run(create).await?;
        Ok((id, give(token.as_bytes())?))
    }

    #[zbus(out_args("tokens"))]
    async fn list_tokens(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Vec<Dictionary>, BusError> {
        let subject = self::subject(subject)?;
        self.door.grant(&call, Verb::ListTokens, Some(&subject)).await?;
        let list = move |service: &Service| {
            records(&service.list_tokens(&subject).map_err(|error| bus_error(&error))?)
        };
        self.door.blocking(list).await
    }

    async fn revoke_token(
        &self,
        subject: &str,
        id: i64,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let subject = self::subject(subject)?;
        self.revoke(&call, Verb::RevokeToken, subject, Which::One(id)).await.map(drop)
    }

    #[zbus(out_args("revoked"))]
    async fn revoke_tokens(
        &self,
        subject: &str,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<u32, BusError> {
        let subject = self::subject(subject)?;
        let mut options = Options::new(options);
        let before = date(&mut options, "last_used_before");
        let kind = match options.text("type").as_deref() {
            None => None,
            Some("app") => Some(TokenType::App),
            Some("login") => Some(TokenType::Login),
            Some(_) => {
                options.refuse("type", Code::Invalid, "is app or login");
                None
            }
        };
        options.finish()?;
        let which = match (kind, before) {
            (None, None) => Which::Every,
            (kind, before) => Which::Those { kind, before },
        };
        self.revoke(&call, Verb::RevokeTokens, subject, which).await
    }

    #[zbus(out_args("tokens"))]
    async fn log_in(
        &self,
        name: &str,
        password: OwnedFd,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<OwnedFd, BusError> {
        let mut options = Options::new(options);
        let code = options.descriptor("code");
        options.finish()?;
        let uid = self.door.sender(&call).await?.uid;
        let _admitted = self.logins.admit(uid)?;
        let password = self.door.secret("password", password.into()).await?;
        let code = match code {
            Some(code) => Some(self.door.secret("code", code).await?),
            None => None,
        };
        let name = name.to_owned();
        let log_in = move |service: &Service| {
            service.log_in(&service.caller(uid)?, &name, &password, code.as_ref())
        };
        give_tokens(&self.door.run(log_in).await?)
    }

    #[zbus(out_args("tokens"))]
    async fn refresh_tokens(
        &self,
        token: OwnedFd,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<OwnedFd, BusError> {
        let uid = self.door.sender(&call).await?.uid;
        let token = self.door.secret("token", token.into()).await?;
        let refresh =
            move |service: &Service| service.refresh_tokens(&service.caller(uid)?, &token);
        give_tokens(&self.door.run(refresh).await?)
    }

    #[zbus(out_args("verified"))]
    async fn verify_token(&self, token: OwnedFd) -> Result<Dictionary, BusError> {
        let token: Secret = self.door.secret("token", token.into()).await?;
        record(&self.door.run(move |service| service.verify_token(&token)).await?)
    }
}

impl Tokens {
    async fn revoke(
        &self,
        call: &Header<'_>,
        verb: Verb,
        subject: Subject,
        which: Which,
    ) -> Result<u32, BusError> {
        let grant = self.door.grant(call, verb, Some(&subject)).await?;
        self.door.run(move |service| service.revoke_tokens(&grant, &subject, which)).await
    }
}
