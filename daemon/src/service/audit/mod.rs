//! The audit log for those who read it: pages of it, and whether it is what was written.

mod mirror;
mod record;

use std::time::{Duration, Instant};

use accounts::{Code, Subject};

pub use mirror::MESSAGE_ID;
pub(super) use mirror::Mirror;

use super::{Error, Service, caller};
use crate::store::{
    AuditAbout, AuditFilter, AuditFinding, AuditFrom, AuditHead, AuditKind, AuditPage, AuditReport,
    Db, UserKey,
};

/// How long a page may be looked for.
const LIST_PATIENCE: Duration = Duration::from_secs(30);
/// How long the whole log may be walked over.
const VERIFY_PATIENCE: Duration = Duration::from_secs(540);
/// Rows that a caller may know.
pub const MAX_KNOWN: usize = 256;
/// The longest verb to look for, in bytes.
const MAX_ACTION: usize = 64;

/// Which rows of the audit log; what is `None` does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditQuery {
    /// About that user, who may be gone.
    pub user: Option<Subject>,
    /// About that group, by its name or `id:UUID`.
    pub group: Option<Subject>,
    /// Done by that user.
    pub actor: Option<Subject>,
    /// The verb.
    pub action: Option<String>,
    /// Unix seconds: then or later.
    pub since: Option<i64>,
    /// Unix seconds: before then.
    pub until: Option<i64>,
    /// Where the page begins, and which way it goes.
    pub from: AuditFrom,
    /// At most so many.
    pub limit: u64,
}

impl Service {
    /// A page of the audit log.
    ///
    /// # Errors
    /// When a number or identifier is nobody's now, or the log cannot be read in time.
    pub fn list_audit(&self, query: &AuditQuery) -> Result<AuditPage, Error> {
        let AuditQuery { user, group, actor, action, since, until, from, limit } = query;
        if user.is_some() && group.is_some() {
            let message = "asks for a group's rows, and user for a user's: give one of them";
            return Err(Error::field("group", Code::Conflict, message));
        }
        if action.as_ref().is_some_and(|action| action.len() > MAX_ACTION) {
            let message = format!("is longer than {MAX_ACTION} bytes");
            return Err(Error::field("action", Code::TooLong, message));
        }
        self.read_beside(Instant::now() + LIST_PATIENCE, |db| {
            let about = match (user, group) {
                (Some(user), _) => Some(about_user(db, user)?),
                (None, Some(group)) => Some(about_group(db, group)?),
                (None, None) => None,
            };
            let actor = actor.as_ref().map(|actor| acted(db, actor)).transpose()?;
            let action = action.clone();
            let filter = AuditFilter { about, actor, action, since: *since, until: *until };
            Ok(db.audit_page(&filter, *from, *limit)?)
        })
    }

    /// Checks every row of the audit log, that it ends where it should, and that it holds the rows
    /// that the caller knows from elsewhere.
    ///
    /// # Errors
    /// When the log cannot be read in time.
    pub fn verify_audit(&self, known: &[AuditHead]) -> Result<AuditReport, Error> {
        // Looked at first: it may lag behind the log, and is never ahead of it.
        let (mut all, trouble) = self.mirror.known();
        for head in known.iter().take(MAX_KNOWN) {
            if !all.contains(head) {
                all.push(head.clone());
            }
        }
        let readers = self.readers()?;
        let mut report = readers.verify_audit(&all, Instant::now() + VERIFY_PATIENCE)?;
        if let Some(message) = trouble {
            let row = report.head.as_ref().map_or(0, |head| head.id);
            let (kind, count) = (AuditKind::Recorded, 1);
            report.findings.push(AuditFinding { kind, row, count, message });
        }
        Ok(report)
    }
}

fn about_user(db: Db<'_>, subject: &Subject) -> Result<AuditAbout, Error> {
    let (name, id) = match subject {
        Subject::Name(name) => {
            let user = db.user(UserKey::Name(name))?;
            (Some(name.clone()), user.map(|user| user.id.to_string()))
        }
        Subject::Number(_) => (None, Some(caller::find(db, subject)?.id.to_string())),
        // It may be that of a user who is gone.
        Subject::Id(id) => (None, Some(id.to_string())),
    };
    Ok(AuditAbout::User { name, id })
}

fn about_group(db: Db<'_>, subject: &Subject) -> Result<AuditAbout, Error> {
    let (name, id) = match subject {
        Subject::Name(name) => {
            let group = db.group_by_name(name)?;
            (Some(name.clone()), group.map(|group| group.id.to_string()))
        }
        Subject::Number(gid) => {
            let group = db.group_by_gid(*gid)?;
            let group = group.ok_or_else(|| Error::NoSuchGroup(format!("gid:{gid}")))?;
            (Some(group.name.to_string()), Some(group.id.to_string()))
        }
        Subject::Id(id) => (None, Some(id.to_string())),
    };
    Ok(AuditAbout::Group { name, id })
}

/// Whoever acted: by the name then, or the number of the account that has the name now.
fn acted(db: Db<'_>, subject: &Subject) -> Result<(Option<String>, Option<u32>), Error> {
    Ok(match subject {
        Subject::Name(name) => {
            (Some(name.clone()), db.user(UserKey::Name(name))?.map(|user| user.uid))
        }
        Subject::Number(uid) => (None, Some(*uid)),
        Subject::Id(_) => (None, Some(caller::find(db, subject)?.uid)),
    })
}

#[cfg(test)]
mod tests;
