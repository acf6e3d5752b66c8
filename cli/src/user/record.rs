//! A user's record as it is shown.

use serde_json::{Map, Value};

use crate::error::Error;
use crate::output::{Answer, Column};
use crate::session::Session;

/// What people read first, in groups.
pub const FIRST: &[&str] = &[
    "name",
    "uid",
    "id",
    "full_name",
    "first_name",
    "last_name",
    "email",
    "email_verified",
    "",
    "group",
    "gid",
    "groups",
    "role",
    "tags",
    "",
    "home",
    "home_mode",
    "shell",
    "",
    "locked",
    "enabled",
    "expires_at",
    "password_disabled",
    "password_changed_at",
    "password_max_age",
    "password_min_age",
    "password_warn",
    "password_inactive",
    "ssh_password_enabled",
    "twofactor_auth_configured",
    "smb",
    "tokens",
    "ssh_keys",
    "",
    "sudo_commands",
    "sudo_commands_nopasswd",
    "",
    "attributes",
    "settings",
    "profile",
    "",
    "first_login",
    "last_login",
    "failed_logins",
    "created_at",
    "updated_at",
    "generation",
    "builtin",
    "immutable",
    "local",
];

/// Every field there is.
pub const ALL: &[&str] = &[
    "id",
    "name",
    "uid",
    "group",
    "gid",
    "groups",
    "full_name",
    "first_name",
    "last_name",
    "email",
    "email_verified",
    "home",
    "home_mode",
    "shell",
    "password_disabled",
    "locked",
    "enabled",
    "ssh_password_enabled",
    "smb",
    "sudo_commands",
    "sudo_commands_nopasswd",
    "ssh_keys",
    "expires_at",
    "password_max_age",
    "password_min_age",
    "password_warn",
    "password_inactive",
    "role",
    "tags",
    "attributes",
    "settings",
    "profile",
    "created_at",
    "updated_at",
    "generation",
    "builtin",
    "immutable",
    "local",
    "twofactor_auth_configured",
    "last_login",
    "first_login",
    "failed_logins",
    "password_changed_at",
    "tokens",
    "sid",
    "nt_name",
];

/// The columns of a list.
pub const COLUMNS: &[Column] = &[
    Column::field("NAME", "name"),
    Column::field("UID", "uid"),
    Column::field("GROUP", "group").rank(4),
    Column::field("FULL NAME", "full_name").rank(1),
    Column::field("ROLE", "role").rank(2),
    Column::of("STATE", state),
    Column::field("2FA", "twofactor_auth_configured").rank(3),
    Column::field("SHELL", "shell").rank(5),
];

/// Fields that the bus leaves out when they hold nothing; programs get them as `null`.
const OPTIONAL: &[&str] = &[
    "email",
    "expires_at",
    "password_max_age",
    "password_min_age",
    "password_warn",
    "password_inactive",
    "last_login",
    "first_login",
    "password_changed_at",
    "sid",
    "nt_name",
];

fn state(user: &Value) -> String {
    let is = |field: &str| user.get(field).and_then(Value::as_bool);
    match (is("enabled"), is("locked")) {
        (Some(false), _) => "disabled",
        (_, Some(true)) => "locked",
        _ => "active",
    }
    .to_owned()
}

/// Fills in what the bus leaves out.
pub fn complete(user: &mut Value) {
    if let Some(record) = user.as_object_mut() {
        fill(record, OPTIONAL);
        for (list, absent) in [("ssh_keys", "expires_at"), ("failed_logins", "throttled_until")] {
            if let Some(items) = record.get_mut(list).and_then(Value::as_array_mut) {
                let items = items.iter_mut().filter_map(Value::as_object_mut);
                items.for_each(|item| fill(item, &[absent]));
            }
        }
    }
}

/// Adds the named fields as `null` where they are absent.
pub fn fill(record: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        record.entry(*name).or_insert(Value::Null);
    }
}

/// One record, as an answer.
///
/// # Errors
/// As [`Session::call`].
pub async fn fetch(subject: &str, session: &Session) -> Result<Answer, Error> {
    let mut user = Value::Object(session.record("GetUser", &(subject,)).await?);
    complete(&mut user);
    Ok(Answer::record(user, FIRST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absent_values_are_null_for_programs() {
        let mut user = json!({"name": "a", "email": "a@b", "ssh_keys": [{"id": 1}]});
        complete(&mut user);
        assert_eq!(user["email"], "a@b");
        assert_eq!(user["ssh_keys"], json!([{"id": 1, "expires_at": null}]));
        let record = user.as_object();
        assert!(OPTIONAL.iter().all(|name| record.is_some_and(|r| r.contains_key(*name))));
    }

    #[test]
    fn a_state_is_shown_at_a_glance() {
        assert_eq!(state(&json!({"enabled": true, "locked": false})), "active");
        assert_eq!(state(&json!({"enabled": true, "locked": true})), "locked");
        assert_eq!(state(&json!({"enabled": false, "locked": true})), "disabled");
    }
}
