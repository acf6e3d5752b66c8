//! Pages of all users by their last login, which another table holds: those who have logged in by
//! its index, and before or after them those who never have.

use accounts::UserId;
use rusqlite::params_from_iter;
use rusqlite::types::Value as Cell;

use super::{Sql, Wanted, decisive, ordered, signed};
use crate::query::Nulls;
use crate::store::{Db, StoreError, uuid_column};

impl Db<'_> {
    /// So many users of all; `None` when the order is another one.
    pub(super) fn find_by_login(
        self,
        wanted: &Wanted<'_>,
        total: u64,
        rows: u64,
    ) -> Result<Option<Vec<UserId>>, StoreError> {
        let keys = decisive(wanted.order);
        let Some((Some(first), rest)) = keys.split_first() else { return Ok(None) };
        if first.path.field.name != "last_login" {
            return Ok(None);
        }
        let count = "SELECT count(*) FROM logins WHERE last_at IS NOT NULL";
        let seen = self.connection.prepare_cached(count)?.query_row([], |r| r.get::<_, i64>(0))?;
        let mut times = Sql::default();
        times.text(
            "SELECT users.id FROM logins CROSS JOIN users ON users.id = logins.user_id \
             WHERE last_at IS NOT NULL ORDER BY last_at",
        );
        times.text(if first.descending { " DESC" } else { "" });
        let mut never = Sql::default();
        never.text(
            "SELECT id FROM users WHERE NOT EXISTS (SELECT 1 FROM logins \
             WHERE logins.user_id = users.id AND last_at IS NOT NULL) ORDER BY ",
        );
        for (i, key) in rest.iter().enumerate() {
            ordered(times.text(", "), *key, false, false);
            ordered(never.text(if i > 0 { ", " } else { "" }), *key, false, false);
        }
        let (start, end) = (wanted.offset, wanted.offset.saturating_add(rows));
        let (parts, border) = match first.nulls {
            Nulls::First => ([never, times], total.saturating_sub(seen as u64)),
            Nulls::Last => ([times, never], seen as u64),
        };
        let ranges = [
            start.min(border)..end.min(border),
            start.saturating_sub(border)..end.saturating_sub(border),
        ];
        let mut ids = Vec::new();
        for (mut sql, range) in parts.into_iter().zip(ranges).filter(|(_, r)| !r.is_empty()) {
            sql.text(" LIMIT ").value(Cell::Integer(signed(range.end - range.start)));
            sql.text(" OFFSET ").value(Cell::Integer(signed(range.start)));
            let mut statement = self.connection.prepare(&sql.text)?;
            let found = statement
                .query_map(params_from_iter(sql.values), |row| Ok(UserId(uuid_column(row, 0)?)))?;
            for id in found {
                ids.push(id?);
            }
        }
        Ok(Some(ids))
    }
}
