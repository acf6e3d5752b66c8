//! `roster sudo …`.

use bus::Dictionary;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::duration;
use crate::error::Error;
use crate::output::{Answer, Column, View};
use crate::session::{Options, Session, to_record};
use crate::user::record::fill;

const COLUMNS: &[Column] = &[
    Column::field("ID", "id"),
    Column::field("HOLDER", "holder"),
    Column::field("COMMAND", "command"),
    Column::of("PASSWORD", |rule| {
        let free = rule.get("nopasswd").and_then(Value::as_bool) == Some(true);
        if free { "not asked" } else { "asked" }.to_owned()
    }),
    Column::field("GRANTED", "created_at").rank(2),
    Column::field("EXPIRES", "expires_at").rank(1),
];

/// The verbs of a sudo rule.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Lets a user or a group run a command as root
    Grant(Grant),
    /// Takes rules away
    Revoke(Revoke),
    /// Lists the rules, of one holder or of all
    List {
        /// The user, or % and a group's name
        #[arg(value_name = "USER|%GROUP")]
        holder: Option<String>,
    },
}

/// Who may run what.
#[derive(Debug, Args)]
pub struct Grant {
    /// The user, or % and a group's name
    #[arg(value_name = "USER|%GROUP")]
    holder: String,
    /// ALL, or a program's path, with exact arguments, "" for none, or nothing for any; -- before arguments with dashes
    #[arg(required = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// Do not ask for the password
    #[arg(long)]
    nopasswd: bool,
    /// End the rule after a time: 90s, 30m, 1h, 2d
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    lasts: Option<u64>,
}

/// Whose rules, and which.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The user, or % and a group's name
    #[arg(value_name = "USER|%GROUP")]
    holder: String,
    /// The rule's number in `roster sudo list`
    #[arg(required_unless_present = "all", value_parser = clap::value_parser!(i64).range(1..))]
    id: Option<i64>,
    /// All rules of the holder
    #[arg(long, conflicts_with = "id")]
    all: bool,
}

impl Verb {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Grant(grant) => grant.run(session).await,
            Self::Revoke(Revoke { holder, id, .. }) => {
                session.call::<_, ()>("RevokeSudo", &(holder.as_str(), id.unwrap_or(0))).await?;
                Ok(Answer::done(&match id {
                    Some(id) => format!("Revoked rule {id} of {holder}."),
                    None => format!("Revoked all rules of {holder}."),
                }))
            }
            Self::List { holder } => {
                let holder = holder.unwrap_or_default();
                let rules: Vec<Dictionary> = session.call("ListSudo", &(holder.as_str(),)).await?;
                let mut entries = Vec::with_capacity(rules.len());
                for rule in &rules {
                    let mut rule = to_record(rule)?;
                    fill(&mut rule, &["expires_at"]);
                    entries.push(Value::Object(rule));
                }
                Ok(Answer::new(entries.into(), View::Rows { list: None, columns: COLUMNS }))
            }
        }
    }
}

impl Grant {
    async fn run(self, session: &Session) -> Result<Answer, Error> {
        let command = command_line(&self.command);
        let mut options = Options::from([("nopasswd", self.nopasswd.into())]);
        if let Some(seconds) = self.lasts {
            options.insert("for", seconds.into());
        }
        let body = (self.holder.as_str(), command.as_str(), options);
        let id: i64 = session.call("GrantSudo", &body).await?;
        let lasts = self.lasts.map(|seconds| format!(" for {}", crate::duration::written(seconds)));
        let lasts = lasts.unwrap_or_default();
        let said = format!("{} may run {command} as root{lasts} (rule {id}).", self.holder);
        Ok(Answer::lines(json!({ "id": id }), &[&said]))
    }
}

/// The words as one rule: an empty argument, the shell's `""`, stands for no arguments.
fn command_line(words: &[String]) -> String {
    let words = words.iter().map(|word| if word.is_empty() { "\"\"" } else { word.as_str() });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_one_rule() {
        let rule =
            |words: &[&str]| command_line(&words.iter().map(|w| (*w).into()).collect::<Vec<_>>());
        assert_eq!(rule(&["/usr/bin/id"]), "/usr/bin/id");
        assert_eq!(rule(&["/usr/bin/id", ""]), "/usr/bin/id \"\"");
        assert_eq!(
            rule(&["/usr/bin/systemctl", "restart", "nginx"]),
            "/usr/bin/systemctl restart nginx"
        );
        assert_eq!(rule(&["/usr/bin/systemctl restart nginx"]), "/usr/bin/systemctl restart nginx");
    }
}
