//! Where each single-valued field of the record lies, and how it is shown.

use accounts::{HomeMode, Timestamp};
use rusqlite::Row;
use serde_json::Value;

use crate::query::{Field, Kind};
use crate::store::{damaged, uuid_column};

/// The field's value as an SQL expression over `users`; `None` for lists and objects.
pub(super) fn expression(field: Field) -> Option<&'static str> {
    if !field.is_single() {
        return None;
    }
    Some(match field.name {
        "group" => {
            "coalesce((SELECT groups.name FROM groups WHERE groups.gid = users.gid), \
             CAST(users.gid AS TEXT))"
        }
        // Always true; a plain 1 in ORDER BY would be the number of a column.
        "local" => "(id IS NOT NULL)",
        "sid" | "nt_name" => "NULL",
        "twofactor_auth_configured" => {
            "EXISTS (SELECT 1 FROM totp WHERE totp.user_id = users.id AND totp.state = 'active' \
             AND totp.enabled = 1)"
        }
        "last_login" => "(SELECT last_at FROM logins WHERE logins.user_id = users.id)",
        "first_login" => "(SELECT first_at FROM logins WHERE logins.user_id = users.id)",
        "password_changed_at" => {
            "(SELECT changed_at FROM passwords WHERE passwords.user_id = users.id)"
        }
        column => column,
    })
}

/// What reads the field from the row of its user: one value, or the free JSON, which is nothing to
/// compare in SQL.
pub(super) fn in_row(field: Field) -> Option<&'static str> {
    if field.name == ATTRIBUTES { Some(ATTRIBUTES) } else { expression(field) }
}

/// The column that holds the field of that name whole, as JSON.
const ATTRIBUTES: &str = "attributes";

/// The value of a column with that expression, as the record shows it.
pub(super) fn value(row: &Row<'_>, index: usize, field: Field) -> rusqlite::Result<Value> {
    if field.name == ATTRIBUTES {
        let text: String = row.get(index)?;
        return serde_json::from_str(&text).map_err(|error| damaged(index, error));
    }
    if field.name == "id" {
        return Ok(Value::String(uuid_column(row, index)?.to_string()));
    }
    Ok(match field.kind {
        Kind::Text => row.get::<_, Option<String>>(index)?.map_or(Value::Null, Value::String),
        Kind::Number => row.get::<_, Option<i64>>(index)?.map_or(Value::Null, Value::from),
        Kind::Flag => Value::Bool(row.get(index)?),
        Kind::Time => row
            .get::<_, Option<i64>>(index)?
            .map_or(Value::Null, |at| Value::String(Timestamp(at).to_string())),
        Kind::Mode => Value::String(HomeMode::stored(row.get(index)?).to_string()),
        Kind::Texts | Kind::Free => Value::Null,
    })
}
