//! Lists of users by filter, and by a piece of text.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use accounts::{Code, User, UserId};
use serde_json::{Map, Value};

use super::{Error, Page, Service, record};
use crate::query::{Field, Needle, Path, Query};
use crate::store::{Db, HolderKey, StoreError, UserKey, Wanted};

/// The longest text to search for, in bytes.
pub const MAX_SEARCH: usize = 256;
/// How long one query may take. It keeps nobody waiting, but holds one of few places.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a query found.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// How many records match.
    pub total: u64,
    /// Those of the page, or what was selected of them.
    pub users: Vec<Map<String, Value>>,
}

impl Service {
    /// The users that match, in the form that was asked for.
    ///
    /// # Errors
    /// When one was to be there and is not, when it takes too long, or when the store cannot be read.
    pub fn query_users(&self, query: &Query) -> Result<Answer, Error> {
        let options = &query.options;
        let limit = match (options.count, options.get) {
            (true, _) => 0,
            (_, true) => 1,
            _ => options.limit,
        };
        let wanted = Wanted {
            filters: &query.filters,
            needle: None,
            order: &options.order_by,
            offset: options.offset,
            limit,
            until: Instant::now() + PATIENCE,
        };
        self.read_beside(wanted.until, |db| {
            let found = db.find_users(&wanted, |id, field| list_value(db, id, field))?;
            if options.get && found.ids.is_empty() {
                return Err(Error::NoSuchUser("that matches".to_owned()));
            }
            let users = found.ids.into_iter().map(|id| shown(db, id, &options.select));
            let total = if options.get { 1 } else { found.total };
            Ok(Answer { total, users: users.collect::<Result<_, _>>()? })
        })
    }

    /// The users of whom one of the names, the address, the id or a tag holds the text, in either
    /// case, by name.
    ///
    /// # Errors
    /// When the text is too long, when it takes too long, or when the store cannot be read.
    pub fn search_users(&self, text: &str, offset: u64, limit: u64) -> Result<Page<User>, Error> {
        if text.len() > MAX_SEARCH {
            let message = format!("is longer than {MAX_SEARCH} bytes");
            return Err(Error::field("text", Code::TooLong, message));
        }
        self.find_whole(Some(&Needle::new(text)), offset, limit)
    }

    /// Whole records by name: of all users, or of those with the text.
    pub(super) fn find_whole(
        &self,
        needle: Option<&Needle>,
        offset: u64,
        limit: u64,
    ) -> Result<Page<User>, Error> {
        let until = Instant::now() + PATIENCE;
        let wanted = Wanted { filters: &[], needle, order: &[], offset, limit, until };
        self.read_beside(until, |db| {
            let found = db.find_users(&wanted, |id, field| list_value(db, id, field))?;
            let items = found.ids.into_iter().map(|id| whole(db, id));
            Ok(Page { total: found.total, items: items.collect::<Result<_, _>>()? })
        })
    }
}

fn whole(db: Db<'_>, id: UserId) -> Result<User, Error> {
    let row = db.user(UserKey::Id(id))?.ok_or_else(gone)?;
    record::user(db, row)
}

/// The record, or the selected places of it.
fn shown(db: Db<'_>, id: UserId, select: &[Path]) -> Result<Map<String, Value>, Error> {
    if select.is_empty() {
        return match serde_json::to_value(whole(db, id)?) {
            Ok(Value::Object(record)) => Ok(record),
            _ => Err(Error::from(StoreError::Damaged(format!("user {id} has no record")))),
        };
    }
    let singles: Vec<Field> =
        select.iter().map(|path| path.field).filter(|field| field.is_single()).collect();
    let mut values = db.user_values(id, &singles)?.ok_or_else(gone)?.into_iter();
    let mut record = Map::new();
    for path in select {
        let value = if path.field.is_single() {
            values.next().unwrap_or_default()
        } else {
            list_value(db, id, path.field)?
        };
        path.put(&mut record, path.follow(Cow::Owned(value)).into_owned());
    }
    Ok(record)
}

/// A field that is a list or an object, as the record shows it.
fn list_value(db: Db<'_>, id: UserId, field: Field) -> Result<Value, Error> {
    let commands = |nopasswd: bool| -> Result<Value, Error> {
        let rules = db.sudo_rules_of(HolderKey::User(id))?.into_iter();
        let of_kind = rules.filter(|rule| rule.nopasswd == nopasswd);
        Ok(of_kind.map(|rule| Value::String(rule.command.to_string())).collect())
    };
    let value = match field.name {
        "tags" => serde_json::to_value(db.tags(id)?),
        "groups" => serde_json::to_value(db.groups_of(id)?),
        "sudo_commands" => return commands(false),
        "sudo_commands_nopasswd" => return commands(true),
        "ssh_keys" => {
            let keys = db.keys_of(id)?.into_iter().map(record::key);
            serde_json::to_value(keys.collect::<Vec<_>>())
        }
        "attributes" => {
            let row = db.user(UserKey::Id(id))?.ok_or_else(gone)?;
            return Ok(Value::Object(row.attributes));
        }
        "settings" => serde_json::to_value(db.settings(id)?),
        "profile" => serde_json::to_value(db.profile(id)?),
        "failed_logins" => serde_json::to_value(record::failed_logins(db, id)?),
        "tokens" => serde_json::to_value(db.token_ids_of(id)?),
        name => return Err(StoreError::Damaged(format!("{name} is no list")).into()),
    };
    value.map_err(|error| StoreError::Damaged(error.to_string()).into())
}

/// Cannot happen: all of it is read in one transaction.
fn gone() -> Error {
    StoreError::Damaged("a user went away while it was read".to_owned()).into()
}
