//! `roster user restore | purge` and `roster user list --deleted`: accounts that were deleted.

use bus::Dictionary;
use bus::names::LIFECYCLE;
use clap::Args;
use serde_json::Value;

use super::record::complete;
use crate::error::Error;
use crate::output::{Answer, Column, View};
use crate::paging::Page;
use crate::secret::confirm;
use crate::session::{Options, Session, to_record};

/// The account to bring back.
#[derive(Debug, Args)]
pub struct Restore {
    /// The deleted account: alice, uid:3000 or id:UUID
    #[arg(value_name = "NAME")]
    subject: String,
    /// Restore it under this name, when somebody else has the old one
    #[arg(long, value_name = "NEW")]
    name: Option<String>,
    /// Leave out its role, its sudo rules and the groups that give root
    #[arg(long)]
    without_sudo: bool,
}

impl Restore {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let mut options = Options::new();
        if let Some(name) = &self.name {
            options.insert("name", name.as_str().into());
        }
        if self.without_sudo {
            options.insert("without_sudo", true.into());
        }
        let body = (self.subject.as_str(), options);
        let (user, restored): (Dictionary, Dictionary) =
            session.call_on(LIFECYCLE, "RestoreUser", &body).await?;
        let mut user = Value::Object(to_record(&user)?);
        complete(&mut user);
        let restored = Value::Object(to_record(&restored)?);
        let lines = told(&user, &restored);
        user["restored"] = restored;
        Ok(Answer::lines(user, &lines.iter().map(String::as_str).collect::<Vec<_>>()))
    }
}

fn told(user: &Value, restored: &Value) -> Vec<String> {
    let name = user["name"].as_str().unwrap_or_default();
    let home = user["home"].as_str().unwrap_or_default();
    let mut lines = vec![format!(
        "Restored {name}: uid {}, group {}, home {home}.",
        user["uid"],
        user["group"].as_str().unwrap_or_default(),
    )];
    match restored["home_state"].as_str() {
        Some("missing") => lines.push(format!("Its home directory {home} is not there.")),
        Some("moved") => lines.push(format!("Its home directory was moved to {home}.")),
        _ => {}
    }
    let list = |field: &str| {
        let list = restored[field].as_array().into_iter().flatten();
        let list: Vec<_> = list.filter_map(Value::as_str).collect();
        (!list.is_empty()).then(|| list.join(", "))
    };
    if let Some(groups) = list("missing_groups") {
        lines.push(format!("Groups that are gone: {groups}"));
    }
    if let Some(left_out) = list("left_out") {
        lines.push(format!("Left out: {left_out}"));
    }
    let gone = list("credentials_gone").unwrap_or_default();
    let factor = if gone.contains("second_factor") { " and no second factor" } else { "" };
    lines.push(format!(
        "It has no password{factor}: set one with roster user password {name} --generate-password"
    ));
    lines
}

/// The account to forget.
#[derive(Debug, Args)]
pub struct Purge {
    /// The deleted account: alice, uid:3000 or id:UUID
    #[arg(value_name = "NAME")]
    subject: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Purge {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let subject = self.subject.as_str();
        if session.must_confirm() && !self.yes {
            let question = format!(
                "Forget the deleted account {subject}, and ERASE its home directory if that was \
                 archived?"
            );
            if !confirm(&question)? {
                return Err(Error::refused("cancelled", "nothing was forgotten"));
            }
        }
        session.call_on::<_, ()>(LIFECYCLE, "PurgeUser", &(subject,)).await?;
        Ok(Answer::done(&format!("Purged {subject}; it cannot be restored any more.")))
    }
}

const COLUMNS: &[Column] = &[
    Column::field("NAME", "name"),
    Column::field("UID", "uid"),
    Column::field("DELETED", "deleted_at"),
    Column::field("BY", "deleted_by").rank(1),
    Column::field("PURGED FROM", "purge_at").rank(3),
    Column::field("HOME", "home_state").rank(2),
    Column::field("ID", "id").rank(4),
];

/// The accounts that were deleted and can still be restored.
pub async fn list(page: Page, session: &Session) -> Result<Answer, Error> {
    let part = page.collect(session, (LIFECYCLE, "ListDeletedUsers"), &[], |_| {}).await?;
    Ok(part.answer("users", View::Rows { list: Some("users"), columns: COLUMNS }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_did_not_come_back_is_said() {
        let user = json!({"name": "alice", "uid": 3000, "group": "alice", "home": "/home/alice"});
        let mut restored = json!({"missing_groups": [], "left_out": [], "credentials_gone": [],
            "home_state": "restored"});
        let lines = told(&user, &restored);
        assert_eq!(lines[0], "Restored alice: uid 3000, group alice, home /home/alice.");
        assert!(lines[1].starts_with("It has no password: ") && lines.len() == 2);
        restored["missing_groups"] = json!(["dev", "ops"]);
        restored["left_out"] = json!(["sudo ALL"]);
        restored["credentials_gone"] = json!(["password", "second_factor"]);
        restored["home_state"] = json!("missing");
        let lines = told(&user, &restored);
        assert_eq!(lines[1], "Its home directory /home/alice is not there.");
        assert_eq!(lines[2..4], ["Groups that are gone: dev, ops", "Left out: sudo ALL"]);
        assert!(lines[4].starts_with("It has no password and no second factor: "));
    }
}
