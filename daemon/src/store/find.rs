//! Finds users: SQLite does what it has indexes or expressions for, the rest is evaluated on the
//! rows that are left, of which only the columns that matter are read.

mod columns;
mod logins;
mod rest;
mod translate;

use std::time::Instant;

use accounts::UserId;
use rusqlite::params_from_iter;
use rusqlite::types::Value as Cell;
use serde_json::Value;

use self::columns::{expression, value};
use self::translate::translate;
use super::{Db, StoreError, uuid_column};
use crate::query::{Field, Filter, Needle, Nulls, Order};

/// One row out of so many is few: see [`paged`]. Less in tests, whose users are few, so
/// that they take both ways.
const FEW: u64 = if cfg!(test) { 2 } else { 16 };

/// Which users, in which order, from where on.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// All must hold.
    pub filters: &'a [Filter],
    /// Text that one of the names, the address, the id or a tag must hold.
    pub needle: Option<&'a Needle>,
    /// The order; names decide what it leaves open.
    pub order: &'a [Order],
    /// Skips so many.
    pub offset: u64,
    /// At most so many.
    pub limit: u64,
    /// Gives up then.
    pub until: Instant,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How many match.
    pub total: u64,
    /// The page.
    pub ids: Vec<UserId>,
}

/// A statement that grows with its values.
#[derive(Debug, Default)]
struct Sql {
    text: String,
    values: Vec<Cell>,
}

impl Sql {
    fn text(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    fn value(&mut self, value: Cell) -> &mut Self {
        self.text.push('?');
        self.values.push(value);
        self
    }

    fn append(&mut self, other: &Self) -> &mut Self {
        self.text.push_str(&other.text);
        self.values.extend_from_slice(&other.values);
        self
    }
}

impl Db<'_> {
    /// Users that match. `list` gives the fields that are no single value, as the record shows them.
    pub(crate) fn find_users<E: From<StoreError>>(
        self,
        wanted: &Wanted<'_>,
        list: impl Fn(UserId, Field) -> Result<Value, E>,
    ) -> Result<Found, E> {
        let mut condition = Sql::default();
        let mut rest: Vec<&Filter> = Vec::new();
        for filter in wanted.filters {
            match translate(filter) {
                Some(sql) => {
                    let join = if condition.text.is_empty() { " WHERE " } else { " AND " };
                    condition.text(join).append(&sql);
                }
                None => rest.push(filter),
            }
        }
        if rest.is_empty() && wanted.needle.is_none() {
            Ok(self.find_in_sql(wanted, &condition)?)
        } else {
            self.find_among_rows(wanted, &condition, &rest, list)
        }
    }

    fn find_in_sql(self, wanted: &Wanted<'_>, condition: &Sql) -> Result<Found, StoreError> {
        let total = self.count(wanted, condition)?;
        let rows = wanted.limit.min(total.saturating_sub(wanted.offset));
        if rows == 0 {
            return Ok(Found { total, ids: Vec::new() });
        }
        if condition.text.is_empty()
            && let Some(ids) = self.find_by_login(wanted, total, rows)?
        {
            return Ok(Found { total, ids });
        }
        let (sql, backwards) = paged(wanted, condition, total, rows);
        let mut statement = self.connection.prepare(&sql.text)?;
        let ids = statement
            .query_map(params_from_iter(sql.values), |row| Ok(UserId(uuid_column(row, 0)?)))?;
        let mut ids: Vec<UserId> = ids.collect::<Result<_, _>>()?;
        if backwards {
            ids.reverse();
        }
        Ok(Found { total, ids })
    }

    fn count(self, wanted: &Wanted<'_>, condition: &Sql) -> Result<u64, StoreError> {
        let mut sql = Sql::default();
        match wanted.filters {
            [] => return self.count_users(),
            // Each user has a tag once, and no tag is left behind: the index alone knows.
            [only] if let Some(tag) = translate::only_a_tag(only) => {
                sql.text("SELECT count(*) FROM user_tags WHERE tag = ").value(tag);
            }
            _ => {
                sql.text("SELECT count(*) FROM users").append(condition);
            }
        }
        let mut statement = self.connection.prepare(&sql.text)?;
        let total =
            statement.query_row(params_from_iter(sql.values), |row| row.get::<_, i64>(0))?;
        Ok(total as u64)
    }

    /// Single-valued fields of one user, as the record shows them; `None` when the user is gone.
    pub(crate) fn user_values(
        self,
        id: UserId,
        fields: &[Field],
    ) -> Result<Option<Vec<Value>>, StoreError> {
        let mut sql = "SELECT id".to_owned();
        for field in fields {
            sql.push_str(", ");
            sql.push_str(expression(*field).unwrap_or("NULL"));
        }
        sql.push_str(" FROM users WHERE id = ?");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([id.0.as_bytes().as_slice()])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let values = fields.iter().enumerate().map(|(i, field)| value(row, i + 1, *field));
        Ok(Some(values.collect::<Result<_, _>>()?))
    }
}

/// The statement for so many rows of that many that match, and whether it gives the last one first.
fn paged(wanted: &Wanted<'_>, condition: &Sql, total: u64, rows: u64) -> (Sql, bool) {
    // What is skipped is walked over: from the end, when that is nearer.
    let behind = total.saturating_sub(wanted.offset).saturating_sub(rows);
    let backwards = behind < wanted.offset;
    let skipped = if backwards { behind } else { wanted.offset };
    // With a condition, each row on the way is looked up by itself, wherever it lies. That is
    // worth it for few of many; else all are read as they lie, and the matches are sorted.
    let sorted =
        !condition.text.is_empty() && skipped.saturating_add(rows).saturating_mul(FEW) > total;
    let mut sql = Sql::default();
    sql.text("SELECT id FROM users").append(condition).text(" ORDER BY ");
    for (i, order) in decisive(wanted.order).into_iter().enumerate() {
        sql.text(if i > 0 { ", " } else { "" });
        ordered(&mut sql, order, sorted, backwards);
    }
    sql.text(" LIMIT ").value(Cell::Integer(signed(rows)));
    sql.text(" OFFSET ").value(Cell::Integer(signed(skipped)));
    (sql, backwards)
}

/// A key of the order in SQL's terms; `None` is the name, which decides what is left open.
type Key<'a> = Option<&'a Order>;

/// The keys that decide: none after one that no two users share, and none twice. SQLite would not
/// see that its index gives the order all the same.
fn decisive(order: &[Order]) -> Vec<Key<'_>> {
    let mut keys: Vec<Key<'_>> = Vec::new();
    for order in order {
        if keys.iter().flatten().any(|earlier| earlier.path == order.path) {
            continue;
        }
        keys.push(Some(order));
        if matches!(order.path.field.name, "name" | "uid" | "id") {
            return keys;
        }
    }
    keys.push(None);
    keys
}

/// What a key of the order compares, in SQL.
fn key(sql: &mut Sql, order: &Order) {
    match expression(order.path.field) {
        Some(expression) => sql.text(expression),
        None => {
            // The steps hold no quotes, escapes or control characters.
            let steps: String =
                order.path.steps.iter().map(|step| format!(".\"{step}\"")).collect();
            sql.text("json_extract(attributes, ").value(Cell::Text(format!("${steps}"))).text(")")
        }
    };
}

fn ordered(sql: &mut Sql, order: Key<'_>, sorted: bool, backwards: bool) {
    if sorted {
        // No index gives this order.
        sql.text("+");
    }
    let (descending, nulls) = match order {
        Some(order) => {
            key(sql, order);
            (order.descending, order.nulls)
        }
        None => {
            sql.text("name");
            (false, Nulls::First)
        }
    };
    let (descending, nulls) = match (backwards, nulls) {
        (false, nulls) => (descending, nulls),
        (true, Nulls::First) => (!descending, Nulls::Last),
        (true, Nulls::Last) => (!descending, Nulls::First),
    };
    sql.text(if descending { " DESC" } else { "" });
    sql.text(match (nulls, descending) {
        (Nulls::First, true) => " NULLS FIRST",
        (Nulls::Last, false) => " NULLS LAST",
        // SQLite's own way, which needs no saying and can use an index.
        (Nulls::First, false) | (Nulls::Last, true) => "",
    });
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
