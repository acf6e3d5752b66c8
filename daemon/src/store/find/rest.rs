//! The rows that a condition leaves, looked at one by one.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::time::Instant;

use accounts::UserId;
use rusqlite::params_from_iter;
use rusqlite::types::Value as Cell;
use serde_json::Value;

use super::columns::{in_row, value};
use super::{Found, Sql, Wanted, key};
use crate::query::{Field, Filter, Needle, Nulls, Order};
use crate::store::{Db, StoreError, uuid_column};

/// The clock is looked at after so many rows.
const ROWS_BETWEEN_LOOKS: u64 = 512;
/// Matches that are kept beyond the page before they are thinned out.
const SPARE: usize = 4096;
/// Where a search looks, besides the tags.
const SEARCHED: &[&str] = &["name", "first_name", "last_name", "full_name", "email", "id"];

/// A match with what it is ordered by.
struct Match {
    keys: Vec<Cell>,
    name: Cell,
    id: UserId,
}

impl Db<'_> {
    pub(super) fn find_among_rows<E: From<StoreError>>(
        self,
        wanted: &Wanted<'_>,
        condition: &Sql,
        rest: &[&Filter],
        list: impl Fn(UserId, Field) -> Result<Value, E>,
    ) -> Result<Found, E> {
        let mut fields: Vec<Field> = Vec::new();
        rest.iter().for_each(|filter| filter.fields(&mut fields));
        fields.retain(|field| in_row(*field).is_some());
        let searched: Vec<Field> = SEARCHED.iter().filter_map(|name| Field::named(name)).collect();
        let tagged = match wanted.needle {
            Some(needle) => {
                for field in &searched {
                    if !fields.contains(field) {
                        fields.push(*field);
                    }
                }
                self.tagged_like(needle, wanted.until)?
            }
            None => HashSet::new(),
        };

        let sql = statement(wanted, condition, &fields);
        let keys = wanted.order.len();
        let mut statement = self.connection.prepare(&sql.text).map_err(StoreError::from)?;
        let mut rows = statement.query(params_from_iter(sql.values)).map_err(StoreError::from)?;
        let page = Page::of(wanted);
        let mut matches: Vec<Match> = Vec::new();
        let (mut total, mut seen) = (0_u64, 0_u64);
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            seen += 1;
            if seen.is_multiple_of(ROWS_BETWEEN_LOOKS) {
                in_time(wanted.until)?;
            }
            let id = UserId(uuid_column(row, 0).map_err(StoreError::from)?);
            let mut field_value = |field: Field| -> Result<Cow<'static, Value>, E> {
                let found = match fields.iter().position(|read| *read == field) {
                    Some(at) => value(row, at + 2 + keys, field).map_err(StoreError::from)?,
                    None => list(id, field)?,
                };
                Ok(Cow::Owned(found))
            };
            let mut holds = true;
            for filter in rest {
                holds = holds && filter.matches(&mut field_value)?;
            }
            if let Some(needle) = wanted.needle.filter(|_| holds && !tagged.contains(&id)) {
                holds = false;
                for field in &searched {
                    let text = field_value(*field)?;
                    holds = holds || text.as_str().is_some_and(|text| needle.is_in(text));
                }
            }
            if !holds {
                continue;
            }
            total += 1;
            if page.end > 0 {
                let name = row.get(1).map_err(StoreError::from)?;
                let keys = (0..keys).map(|i| row.get(i + 2)).collect::<Result<_, _>>();
                matches.push(Match { keys: keys.map_err(StoreError::from)?, name, id });
                page.thin_out(&mut matches, SPARE);
            }
        }
        page.thin_out(&mut matches, 0);
        let ids = matches.into_iter().skip(page.start).map(|found| found.id).collect();
        Ok(Found { total, ids })
    }

    /// The users with a tag that holds the text. There are fewer tags than users.
    fn tagged_like(self, needle: &Needle, until: Instant) -> Result<HashSet<UserId>, StoreError> {
        let mut distinct = self.connection.prepare_cached(
            "WITH RECURSIVE t (tag) AS (SELECT min(tag) FROM user_tags UNION ALL \
               SELECT (SELECT min(tag) FROM user_tags WHERE tag > t.tag) FROM t WHERE t.tag IS NOT NULL) \
             SELECT tag FROM t WHERE tag IS NOT NULL",
        )?;
        let mut users =
            self.connection.prepare_cached("SELECT user_id FROM user_tags WHERE tag = ?1")?;
        let mut found = HashSet::new();
        let tags = distinct.query_map([], |row| row.get::<_, String>(0))?;
        for tag in tags {
            in_time(until)?;
            let tag = tag?;
            if needle.is_in(&tag) {
                let ids = users.query_map([&tag], |row| Ok(UserId(uuid_column(row, 0)?)))?;
                for id in ids {
                    found.insert(id?);
                }
            }
        }
        Ok(found)
    }
}

fn in_time(until: Instant) -> Result<(), StoreError> {
    if Instant::now() < until { Ok(()) } else { Err(StoreError::TooSlow) }
}

/// In no order: sorting every row would read and hold far more than the matches.
fn statement(wanted: &Wanted<'_>, condition: &Sql, fields: &[Field]) -> Sql {
    let mut sql = Sql::default();
    sql.text("SELECT id, name");
    for order in wanted.order {
        sql.text(", ");
        key(&mut sql, order);
    }
    for field in fields {
        sql.text(", ").text(in_row(*field).unwrap_or("NULL"));
    }
    sql.text(" FROM users").append(condition);
    sql
}

/// The part of the matches that is asked for.
struct Page<'a> {
    start: usize,
    end: usize,
    order: &'a [Order],
}

impl<'a> Page<'a> {
    fn of(wanted: &Wanted<'a>) -> Self {
        let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let start = index(wanted.offset);
        let end = if wanted.limit == 0 { 0 } else { start.saturating_add(index(wanted.limit)) };
        Self { start, end, order: wanted.order }
    }

    /// Sorts the matches and drops those behind the page, once they are more than `spare`.
    fn thin_out(&self, matches: &mut Vec<Match>, spare: usize) {
        if spare > 0 && matches.len() < self.end.saturating_mul(2).saturating_add(spare) {
            return;
        }
        matches.sort_unstable_by(|a, b| self.compare(a, b));
        matches.truncate(self.end);
    }

    fn compare(&self, a: &Match, b: &Match) -> Ordering {
        for (i, order) in self.order.iter().enumerate() {
            let found = match (a.keys.get(i), b.keys.get(i)) {
                (Some(a), Some(b)) => by_key(order, a, b),
                _ => Ordering::Equal,
            };
            if found.is_ne() {
                return found;
            }
        }
        by_value(&a.name, &b.name)
    }
}

fn by_key(order: &Order, a: &Cell, b: &Cell) -> Ordering {
    let nulls_last = order.nulls == Nulls::Last;
    match (a, b) {
        (Cell::Null, Cell::Null) => Ordering::Equal,
        (Cell::Null, _) if nulls_last => Ordering::Greater,
        (Cell::Null, _) => Ordering::Less,
        (_, Cell::Null) if nulls_last => Ordering::Less,
        (_, Cell::Null) => Ordering::Greater,
        _ if order.descending => by_value(b, a),
        _ => by_value(a, b),
    }
}

/// SQLite's order: numbers, texts, bytes.
fn by_value(a: &Cell, b: &Cell) -> Ordering {
    let rank = |cell: &Cell| match cell {
        Cell::Null => 0,
        Cell::Integer(_) | Cell::Real(_) => 1,
        Cell::Text(_) => 2,
        Cell::Blob(_) => 3,
    };
    match (a, b) {
        (Cell::Integer(a), Cell::Integer(b)) => a.cmp(b),
        (Cell::Real(a), Cell::Real(b)) => a.total_cmp(b),
        (Cell::Integer(a), Cell::Real(b)) => (*a as f64).total_cmp(b),
        (Cell::Real(a), Cell::Integer(b)) => a.total_cmp(&(*b as f64)),
        (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
        (Cell::Blob(a), Cell::Blob(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}
