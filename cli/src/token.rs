//! `roster token …`: app passwords, and the list of logins by token.

use bus::Dictionary;
use bus::names::TOKENS;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use zbus::Variant;
use zbus::wire::OwnedFd;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::output::{Answer, Column, View, printable};
use crate::session::{Options, Session, from_descriptor, to_record};
use crate::user::Subject;
use crate::user::record::fill;

const COLUMNS: &[Column] = &[
    Column::field("ID", "id"),
    Column::field("NAME", "name"),
    Column::field("TYPE", "type"),
    Column::field("SCOPE", "scope").rank(1),
    Column::field("LAST USED", "last_used_at").rank(2),
    Column::field("CREATED", "created_at").rank(4),
    Column::field("EXPIRES", "expires_at").rank(3),
];

/// The verbs of a token.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Makes an app password, which programs give in place of password and code
    Create(Create),
    /// Lists an account's app passwords and logins
    List(Subject),
    /// Ends app passwords and logins, at once
    Revoke(Revoke),
}

/// Whose app password, and what for.
#[derive(Debug, Args)]
pub struct Create {
    #[command(flatten)]
    user: Subject,
    /// What it is for, to know it again
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// A PAM service that takes it; may be given again [default: all but shells, su, sudo and their like]
    #[arg(long, value_name = "SERVICE")]
    scope: Vec<String>,
    /// When it ends: 2027-01-31 or 2027-01-31T12:00:00Z
    #[arg(long, value_name = "DATE")]
    expires: Option<String>,
}

/// Which tokens end.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(false))]
pub struct Revoke {
    #[command(flatten)]
    user: Subject,
    /// The token's number in `roster token list`
    #[arg(group = "which", value_parser = clap::value_parser!(i64).range(1..))]
    id: Option<i64>,
    /// All of them; with --type, all of that type
    #[arg(long, group = "which")]
    all: bool,
    /// Those last used before that date; what was never used counts from when it was made
    #[arg(long, value_name = "DATE", group = "which")]
    last_used_before: Option<String>,
    /// Only those of this type
    #[arg(long = "type", value_enum, value_name = "TYPE", conflicts_with = "id")]
    kind: Option<Kind>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// App passwords
    App,
    /// Logins
    Login,
}

impl Verb {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::List(user) => {
                let tokens: Vec<Dictionary> =
                    session.call_on(TOKENS, "ListTokens", &(user.subject.as_str(),)).await?;
                let mut entries = Vec::with_capacity(tokens.len());
                for token in &tokens {
                    let mut token = to_record(token)?;
                    fill(&mut token, &["last_used_at", "expires_at"]);
                    entries.push(Value::Object(token));
                }
                Ok(Answer::new(entries.into(), View::Rows { list: None, columns: COLUMNS }))
            }
            Self::Revoke(revoke) => revoke.run(session).await,
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> Result<Answer, Error> {
        let user = self.user.subject;
        let mut options = Options::new();
        if !self.scope.is_empty() {
            options.insert("scope", Variant::new(self.scope));
        }
        if let Some(expires) = self.expires {
            options.insert("expires_at", expires.into());
        }
        let body = (user.as_str(), self.name.as_str(), options);
        let (id, token): (i64, OwnedFd) = session.call_on(TOKENS, "CreateToken", &body).await?;
        let token = from_descriptor(token)?;
        let said = Zeroizing::new(format!(
            "App password {id} of {}, shown only now: {}",
            printable(&user),
            printable(&token)
        ));
        Ok(Answer::lines(json!({ "id": id, "token": token.as_str() }), &[&said]))
    }
}

impl Revoke {
    async fn run(self, session: &Session) -> Result<Answer, Error> {
        let user = self.user.subject;
        if let Some(id) = self.id {
            session.call_on::<_, ()>(TOKENS, "RevokeToken", &(user.as_str(), id)).await?;
            let said = format!("Token {id} of {user} has ended.");
            return Ok(Answer::lines(json!({ "revoked": 1 }), &[&said]));
        }
        let mut options = Options::new();
        if let Some(before) = self.last_used_before {
            options.insert("last_used_before", before.into());
        }
        if let Some(kind) = self.kind {
            let kind = match kind {
                Kind::App => "app",
                Kind::Login => "login",
            };
            options.insert("type", kind.into());
        }
        let body = (user.as_str(), options);
        let revoked: u32 = session.call_on(TOKENS, "RevokeTokens", &body).await?;
        let said = match revoked {
            0 => format!("{user} has no such token: nothing has ended."),
            1 => format!("1 token of {user} has ended."),
            n => format!("{n} tokens of {user} have ended."),
        };
        Ok(Answer::lines(json!({ "revoked": revoked }), &[&said]))
    }
}
