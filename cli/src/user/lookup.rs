//! `roster user show | list | passwd-entry | next-uid | shells`.

use std::collections::BTreeMap;

use bus::names::ADMINISTRATION;
use clap::Args;
use serde_json::{Value, json};

use super::query::Query;
use super::record::{self, COLUMNS, complete};
use crate::error::Error;
use crate::output::{Answer, Column, View};
use crate::paging::Page;
use crate::session::Session;

/// Which accounts to list.
#[derive(Debug, Args)]
pub struct List {
    /// Those that were deleted and can still be restored
    #[arg(long, conflicts_with_all = ["disabled", "locked"])]
    deleted: bool,
    #[command(flatten)]
    page: Page,
    /// Only disabled accounts
    #[arg(long)]
    disabled: bool,
    /// Only locked accounts
    #[arg(long)]
    locked: bool,
}

impl List {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let Self { page, deleted, disabled, locked } = self;
        if deleted {
            return super::restore::list(page, session).await;
        }
        if !disabled && !locked {
            return page.fetch(session, "ListUsers", "users", COLUMNS, complete).await;
        }
        let mut filters = Vec::new();
        if disabled {
            filters.push(json!(["enabled", "=", false]));
        }
        if locked {
            filters.push(json!(["locked", "=", true]));
        }
        let options = json!({"order_by": ["name"], "limit": page.limit, "offset": page.offset});
        Query::new(filters, options).run(session).await
    }
}

pub async fn show(subject: &str, session: &Session) -> Result<Answer, Error> {
    record::fetch(subject, session).await
}

pub async fn passwd_entry(subject: &str, session: &Session) -> Result<Answer, Error> {
    let entry = session.record("GetPasswdEntry", &(subject,)).await?;
    let order = &["pw_name", "pw_uid", "pw_gid", "pw_gecos", "pw_dir", "pw_shell"];
    Ok(Answer::record(Value::Object(entry), order))
}

pub async fn next_uid(reserve: bool, session: &Session) -> Result<Answer, Error> {
    let uid: u32 = if reserve {
        session.call_on(ADMINISTRATION, "ReserveUid", &()).await?
    } else {
        session.call("GetNextUid", &()).await?
    };
    Ok(Answer::lines(json!({ "uid": uid }), &[&uid.to_string()]))
}

pub async fn shells(subject: Option<&str>, session: &Session) -> Result<Answer, Error> {
    const SHELLS: &[Column] = &[Column::field("SHELL", "path"), Column::field("NAME", "name")];
    let shells: BTreeMap<String, String> = match subject {
        Some(subject) => session.call_on(ADMINISTRATION, "ListUserShells", &(subject,)).await?,
        None => session.call("ListShells", &()).await?,
    };
    let rows = shells.iter().map(|(path, name)| json!({"path": path, "name": name})).collect();
    let view = View::Entries { rows, columns: SHELLS };
    Ok(Answer::new(json!(shells), view))
}
