//! `roster user lastseen | report`.

use bus::names::ADMINISTRATION;
use clap::Args;
use serde_json::{Value, json};

use super::record::fill;
use crate::error::Error;
use crate::output::{Answer, View, printable};
use crate::paging::Page;
use crate::session::{Session, to_record};

/// Whose last login.
#[derive(Debug, Args)]
pub struct LastSeen {
    /// The account: alice, uid:3000 or id:UUID
    #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    subject: Option<String>,
    /// All accounts, in order of name
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    page: Page,
}

impl LastSeen {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        match self.subject {
            Some(subject) => {
                let body = (subject.as_str(),);
                let seen = session.call_on(ADMINISTRATION, "GetLastSeen", &body).await?;
                let mut seen = Value::Object(to_record(&seen)?);
                complete(&mut seen);
                let line = sentence(&seen);
                Ok(Answer::lines(seen, &[&line]))
            }
            None => {
                let list =
                    self.page.collect(session, (ADMINISTRATION, "ListLastSeen"), &[], complete);
                let list = list.await?;
                let lines: Vec<_> = list
                    .entries
                    .iter()
                    .map(|seen| printable(&sentence(seen)).into_owned())
                    .collect();
                let text = View::Text(lines.join("\n").into());
                Ok(list.answer("users", text))
            }
        }
    }
}

fn complete(seen: &mut Value) {
    if let Some(seen) = seen.as_object_mut() {
        fill(seen, &["last_login", "service", "from"]);
    }
}

fn sentence(seen: &Value) -> String {
    let text = |field: &str| seen.get(field).and_then(Value::as_str);
    let name = text("name").unwrap_or_default();
    let Some(at) = text("last_login") else {
        return format!("{name} has never logged in.");
    };
    let how = match (text("service"), text("from")) {
        (Some(service), Some(from)) => format!(" ({service} from {from})"),
        (Some(service), None) => format!(" ({service})"),
        (None, Some(from)) => format!(" (from {from})"),
        (None, None) => String::new(),
    };
    format!("{name}'s last login: {at}{how}")
}

pub async fn report(session: &Session) -> Result<Answer, Error> {
    const FIRST: &[&str] =
        &["total", "ours", "files", "homes", "active", "disabled", "locked", "two_factor"];
    let report = session.call_on(ADMINISTRATION, "GetReport", &()).await?;
    Ok(Answer::record(json!(to_record(&report)?), FIRST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_one_sentence() {
        let mut seen = json!({"name": "alice", "last_login": "2026-01-31T12:00:00Z"});
        assert_eq!(sentence(&seen), "alice's last login: 2026-01-31T12:00:00Z");
        seen["service"] = "sshd".into();
        assert_eq!(sentence(&seen), "alice's last login: 2026-01-31T12:00:00Z (sshd)");
        seen["from"] = "192.0.2.7".into();
        assert!(sentence(&seen).ends_with(" (sshd from 192.0.2.7)"));
        assert_eq!(sentence(&json!({"name": "bob"})), "bob has never logged in.");
    }
}
