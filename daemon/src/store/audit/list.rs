//! Pages of the audit log.

use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Row, params_from_iter};

use super::hex;
use crate::store::{Db, StoreError};

/// A page ends early when its rows hold more than so many bytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// A row of `audit`, as it lies there: somebody may have put anything into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number, from 1 on.
    pub id: i64,
    /// Unix seconds.
    pub at: i64,
    /// The caller's uid.
    pub actor_uid: i64,
    /// The caller's name.
    pub actor: String,
    /// The front door.
    pub via: String,
    /// The verb.
    pub action: String,
    /// The user's or group's name at that moment.
    pub subject: String,
    /// Its identifier.
    pub subject_id: String,
    /// What changed, as JSON.
    pub change: String,
    /// Its hash, in hexadecimal.
    pub hash: String,
}

/// Whom a row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditAbout {
    /// A user, with the identifier of the one that has the name now.
    User {
        /// Its name, then or now.
        name: Option<String>,
        /// Its identifier.
        id: Option<String>,
    },
    /// A group, likewise.
    Group {
        /// Its name, then or now.
        name: Option<String>,
        /// Its identifier.
        id: Option<String>,
    },
}

/// Where a page begins, and which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuditFrom {
    /// With the newest row, backwards.
    #[default]
    Newest,
    /// With the row before that one, backwards.
    Before(i64),
    /// With the row after that one, forwards.
    After(i64),
}

/// Which rows; what is `None` does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Whom they are about.
    pub about: Option<AuditAbout>,
    /// Who acted: the name at that moment, and the number of the one that has the name now.
    pub actor: Option<(Option<String>, Option<u32>)>,
    /// The verb.
    pub action: Option<String>,
    /// Unix seconds: then or later.
    pub since: Option<i64>,
    /// Unix seconds: before then.
    pub until: Option<i64>,
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditPage {
    /// The rows, in the order asked for.
    pub rows: Vec<AuditRow>,
    /// Whether there are further ones.
    pub more: bool,
}

/// Conditions that all must hold, with their values.
#[derive(Default)]
struct Conditions {
    texts: Vec<String>,
    values: Vec<Cell>,
}

impl Conditions {
    fn add(&mut self, text: impl Into<String>, values: impl IntoIterator<Item = Cell>) {
        self.texts.push(text.into());
        self.values.extend(values);
    }

    fn any(&mut self, alternatives: Vec<(&str, Cell)>) {
        let (texts, values): (Vec<&str>, Vec<Cell>) = alternatives.into_iter().unzip();
        self.add(format!("({})", texts.join(" OR ")), values);
    }

    fn about(&mut self, about: &AuditAbout) {
        let mut alternatives = Vec::new();
        match about {
            AuditAbout::User { name, id } => {
                // A group of the user's name is another thing.
                if let Some(name) = name {
                    alternatives.push((
                        "(subject = ? AND action NOT LIKE 'group-%')",
                        Cell::Text(name.clone()),
                    ));
                    alternatives.push((
                        "(action IN ('group-add-member', 'group-remove-member') AND \
                         CASE WHEN json_valid(change) THEN json_extract(change, '$.user') END = ?)",
                        Cell::Text(name.clone()),
                    ));
                }
                if let Some(id) = id {
                    alternatives.push(("subject_id = ?", Cell::Text(id.clone())));
                }
                self.any(alternatives);
            }
            AuditAbout::Group { name, id } => {
                if let Some(name) = name {
                    alternatives.push((
                        "(subject = ? AND action LIKE 'group-%')",
                        Cell::Text(name.clone()),
                    ));
                    alternatives.push(("subject = ?", Cell::Text(format!("%{name}"))));
                }
                if let Some(id) = id {
                    alternatives.push(("subject_id = ?", Cell::Text(id.clone())));
                }
                self.any(alternatives);
            }
        }
    }
}

impl Db<'_> {
    /// Rows after `after`, oldest first.
    #[cfg(test)]
    pub(crate) fn audit_rows(self, after: i64, limit: u64) -> Result<Vec<AuditRow>, StoreError> {
        let from = AuditFrom::After(after);
        Ok(self.audit_page(&AuditFilter::default(), from, limit)?.rows)
    }

    /// Rows that match, at most so many. Only the page is held in memory.
    pub(crate) fn audit_page(
        self,
        filter: &AuditFilter,
        from: AuditFrom,
        limit: u64,
    ) -> Result<AuditPage, StoreError> {
        let AuditFilter { about, actor, action, since, until } = filter;
        let mut conditions = Conditions::default();
        match from {
            AuditFrom::Newest => {}
            AuditFrom::Before(id) => conditions.add("id < ?", [Cell::Integer(id)]),
            AuditFrom::After(id) => conditions.add("id > ?", [Cell::Integer(id)]),
        }
        if let Some(about) = about {
            conditions.about(about);
        }
        if let Some((name, uid)) = actor {
            let name = name.iter().map(|name| ("actor = ?", Cell::Text(name.clone())));
            let uid = uid.iter().map(|uid| ("actor_uid = ?", Cell::Integer(i64::from(*uid))));
            conditions.any(name.chain(uid).collect());
        }
        if let Some(action) = action {
            conditions.add("action = ?", [Cell::Text(action.clone())]);
        }
        if let Some(since) = since {
            conditions.add("at >= ?", [Cell::Integer(*since)]);
        }
        if let Some(until) = until {
            conditions.add("at < ?", [Cell::Integer(*until)]);
        }
        let mut sql = "SELECT id, at, actor_uid, actor, via, action, subject, subject_id, change, \
                       hash FROM audit"
            .to_owned();
        for (i, text) in conditions.texts.iter().enumerate() {
            sql.push_str(if i == 0 { " WHERE " } else { " AND " });
            sql.push_str(text);
        }
        let forwards = matches!(from, AuditFrom::After(_));
        sql.push_str(if forwards { " ORDER BY id" } else { " ORDER BY id DESC" });
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query(params_from_iter(conditions.values))?;
        let mut page = AuditPage::default();
        let mut size = 0;
        while let Some(row) = rows.next()? {
            let row = read(row)?;
            size += row.subject.len() + row.change.len() + 256;
            let full = page.rows.len() as u64 >= limit;
            if full || (size > MAX_BYTES && !page.rows.is_empty()) {
                page.more = true;
                break;
            }
            page.rows.push(row);
        }
        Ok(page)
    }
}

fn read(row: &Row<'_>) -> Result<AuditRow, rusqlite::Error> {
    let bytes = |index: usize| -> Result<&[u8], rusqlite::Error> {
        Ok(match row.get_ref(index)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
            _ => &[],
        })
    };
    let text =
        |index| Ok::<_, rusqlite::Error>(String::from_utf8_lossy(bytes(index)?).into_owned());
    Ok(AuditRow {
        id: row.get(0)?,
        at: row.get(1)?,
        actor_uid: row.get(2)?,
        actor: text(3)?,
        via: text(4)?,
        action: text(5)?,
        subject: text(6)?,
        subject_id: text(7)?,
        change: text(8)?,
        hash: hex(bytes(9)?),
    })
}
