//! `roster user sync`.

use bus::Dictionary;
use bus::names::LIFECYCLE;
use clap::Args;
use serde_json::{Value, json};

use crate::error::Error;
use crate::output::{Answer, View, printable};
use crate::paging::Page;
use crate::session::{Options, Session, to_record};

/// Which accounts to reconcile.
#[derive(Debug, Args)]
pub struct Sync {
    /// The accounts: alice, uid:3000 or id:UUID
    #[arg(value_name = "NAME", conflicts_with = "all")]
    subjects: Vec<String>,
    /// All accounts, in order of name; the same as naming none
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    page: Page,
}

impl Sync {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let Self { subjects, all: _, page } = self;
        let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
        let mut users: Vec<Value> = Vec::new();
        let mut total: u64;
        loop {
            // The bus ends a page early when it would be too large.
            let got = users.len() as u64;
            let options = Options::from([
                ("limit", (page.limit - got).into()),
                ("offset", page.offset.saturating_add(got).into()),
            ]);
            let part: Vec<Dictionary>;
            (total, part) = session.call_on(LIFECYCLE, "SyncUsers", &(&subjects, options)).await?;
            for user in &part {
                users.push(Value::Object(to_record(user)?));
            }
            let got = users.len() as u64;
            if part.is_empty() || got >= page.limit || page.offset.saturating_add(got) >= total {
                break;
            }
        }
        let lines: Vec<_> = users.iter().flat_map(told).collect();
        let (shown, next) = (users.len() as u64, page.offset.saturating_add(users.len() as u64));
        let value =
            json!({"total": total, "limit": page.limit, "offset": page.offset, "users": users});
        let answer = Answer::new(value, View::Text(lines.join("\n").into()));
        Ok(if shown > 0 && next < total {
            answer.with_note(format!("{shown} of {total}; the next: --offset {next}"))
        } else {
            answer
        })
    }
}

/// `alice - updated`, and below it what was changed and what somebody has to decide.
fn told(user: &Value) -> Vec<String> {
    let text = |value: &Value| printable(value.as_str().unwrap_or_default()).into_owned();
    let mut lines = vec![format!("{} - {}", text(&user["name"]), text(&user["result"]))];
    let list = |field: &str| user[field].as_array().cloned().unwrap_or_default();
    lines.extend(list("changes").iter().map(|change| format!("  {}", text(change))));
    lines.extend(list("problems").iter().map(|p| format!("  problem: {}", text(&p["message"]))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_a_line_and_what_there_is_to_say() {
        let user = json!({"name": "alice", "result": "updated", "changes": ["left the group x"],
            "problems": [{"code": "no_home", "message": "/home/a is not there\u{1b}"}]});
        let lines = told(&user);
        assert_eq!(lines[..2], ["alice - updated", "  left the group x"]);
        assert_eq!(lines[2], "  problem: /home/a is not there\\u{1b}");
        assert_eq!(told(&json!({"name": "b", "result": "nothing to update"})).len(), 1);
    }
}
