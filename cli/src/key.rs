//! `roster key …`.

mod verify;

use std::fs::File;
use std::io::Read as _;

use bus::Dictionary;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::output::{Answer, Column, View};
use crate::session::{Options, Session, to_record};
use crate::user::Subject;
use crate::user::record::fill;

/// Longer than any public key.
const LIMIT: u64 = 16 * 1024;

const COLUMNS: &[Column] = &[
    Column::field("ID", "id"),
    Column::of("TYPE", |key| word(key, 0)),
    Column::field("FINGERPRINT", "fingerprint"),
    Column::of("COMMENT", |key| word(key, 2)).rank(1),
    Column::field("ADDED", "added_at").rank(3),
    Column::field("EXPIRES", "expires_at").rank(2),
];

/// The verbs of a key.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Adds a public key that may log in
    Add(Add),
    /// Lists an account's keys
    List(Subject),
    /// Removes a key
    Remove {
        #[command(flatten)]
        user: Subject,
        /// The key's number in `roster key list`
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        id: i64,
    },
    /// Tells whether a private key belongs to one of an account's keys; it is read here, not sent
    Verify(verify::Verify),
}

/// The account and the key.
#[derive(Debug, Args)]
pub struct Add {
    #[command(flatten)]
    user: Subject,
    /// The key: type, base64, comment, as in id_ed25519.pub
    #[arg(required_unless_present = "file")]
    key: Vec<String>,
    /// Read the key from a file; - is standard input
    #[arg(long, value_name = "PATH", conflicts_with = "key")]
    file: Option<String>,
    /// When the key ends: 2027-01-31 or 2027-01-31T12:00:00Z
    #[arg(long, value_name = "DATE")]
    expires: Option<String>,
}

impl Verb {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Add(add) => add.run(session).await,
            Self::List(user) => {
                let keys: Vec<Dictionary> =
                    session.call("ListKeys", &(user.subject.as_str(),)).await?;
                let mut entries = Vec::with_capacity(keys.len());
                for key in &keys {
                    let mut key = to_record(key)?;
                    fill(&mut key, &["expires_at"]);
                    entries.push(Value::Object(key));
                }
                Ok(Answer::new(entries.into(), View::Rows { list: None, columns: COLUMNS }))
            }
            Self::Remove { user, id } => {
                session.call::<_, ()>("RemoveKey", &(user.subject.as_str(), id)).await?;
                Ok(Answer::done(&format!("Removed key {id} of {}.", user.subject)))
            }
            Self::Verify(verify) => verify.run(session).await,
        }
    }
}

impl Add {
    async fn run(self, session: &Session) -> Result<Answer, Error> {
        let name = self.user.subject;
        let key = match &self.file {
            Some(path) => read(path)?,
            None => self.key.join(" "),
        };
        let key = public_only(key);
        let key = key.trim();
        refuse_path(key)?;
        let mut options = Options::new();
        if let Some(expires) = self.expires {
            options.insert("expires_at", expires.into());
        }
        let id: i64 = session.call("AddKey", &(name.as_str(), key, options)).await?;
        let said = format!("Added key {id} to {name}.");
        Ok(Answer::lines(json!({ "id": id }), &[&said]))
    }
}

/// The text, or of a private key no more than that it is one: the key itself must not travel, and
/// the daemon says what is wrong beside everything else that is.
pub fn public_only(text: String) -> String {
    let is_private = text.contains("PRIVATE KEY") || text.contains("PuTTY-User-Key-File");
    if is_private {
        drop(Zeroizing::new(text));
        return "PRIVATE KEY".to_owned();
    }
    text
}

/// A path in place of a key is a slip worth a word of its own.
fn refuse_path(key: &str) -> Result<(), Error> {
    let looks_like_path = key.ends_with(".pub") || key.starts_with(['/', '.', '~']);
    if looks_like_path && !key.contains(' ') {
        return Err(Error::Usage("this looks like a path: use --file PATH".to_owned()));
    }
    Ok(())
}

fn read(path: &str) -> Result<String, Error> {
    let file = if path == "-" { "/dev/stdin" } else { path };
    let mut text = String::new();
    File::open(file)
        .and_then(|file| file.take(LIMIT + 1).read_to_string(&mut text))
        .map_err(|error| Error::Local(format!("{path} cannot be read: {error}")))?;
    if text.len() as u64 > LIMIT {
        return Err(Error::field("key", "too_long", "is longer than any public key"));
    }
    Ok(text)
}

/// The type (0) or the comment (2) of a key's line.
fn word(key: &Value, index: usize) -> String {
    let line = key.get("key").and_then(Value::as_str).unwrap_or_default();
    line.splitn(3, ' ').nth(index).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_does_not_travel() {
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNza".to_owned();
        let sent = public_only(key);
        assert!(!sent.contains("b3BlbnNza"));
        let refused = accounts::SshPublicKey::parse(&sent).map_err(|refused| refused.message);
        assert!(refused.is_err_and(|message| message.contains("private key")));
        assert_eq!(public_only("ssh-ed25519 AAAA".to_owned()), "ssh-ed25519 AAAA");
    }

    #[test]
    fn a_path_is_no_key() {
        assert_eq!(refuse_path("~/.ssh/id.pub").map_err(|error| error.exit_code()), Err(2));
        assert_eq!(refuse_path("ssh-ed25519 AAAA a.pub"), Ok(()));
    }

    #[test]
    fn a_key_is_shown_by_type_and_comment() {
        let key = json!({"key": "ssh-ed25519 AAAA alice at work"});
        assert_eq!((word(&key, 0), word(&key, 2)), ("ssh-ed25519".into(), "alice at work".into()));
        assert_eq!(word(&json!({"key": "ssh-ed25519 AAAA"}), 2), "");
    }
}
