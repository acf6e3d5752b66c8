//! What can be told of a user or a group: the published record by field, credentials by their
//! state, keys by fingerprint, rules by their text.

use std::collections::BTreeMap;

use accounts::{GroupId, Role, Timestamp, UserId};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::super::{Error, record};
use crate::store::{Db, HolderKey, SudoRuleRow, TotpState, UserKey, UserRow};

/// Fields of a user's record that say nothing about a change, or are told better below. Memberships
/// are told of themselves.
const LEFT_OUT: &[&str] = &[
    "id",
    "gid",
    "groups",
    "sudo_commands",
    "sudo_commands_nopasswd",
    "ssh_keys",
    "attributes",
    "settings",
    "profile",
    "created_at",
    "updated_at",
    "generation",
    "local",
    "twofactor_auth_configured",
    "last_login",
    "first_login",
    "failed_logins",
    "password_changed_at",
];

/// A user or group as it was at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::service) struct Facts {
    /// `user` or `group`.
    pub(super) kind: &'static str,
    pub(in crate::service) name: String,
    /// Its UUID; empty for a group that is not ours.
    pub(super) id: String,
    /// Its uid or gid.
    pub(in crate::service) number: u32,
    /// Field → value.
    pub(super) fields: BTreeMap<String, Value>,
    /// Field → what tells one credential from another where `fields` say the same of both.
    pub(super) marks: BTreeMap<&'static str, [u8; 32]>,
    /// Of a user.
    pub(super) standing: Option<Standing>,
}

/// What a user can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) uid: u32,
    /// The primary group's number.
    pub(super) gid: u32,
    pub(super) role: Role,
    /// Why no login is possible; empty when one is.
    pub(super) barred: Vec<&'static str>,
    /// Whether logins ask for a code.
    pub(super) second_factor: bool,
}

impl Facts {
    /// A user, if there is one.
    pub(super) fn of_user(db: Db<'_>, id: UserId, now: i64) -> Result<Option<Self>, Error> {
        let Some(row) = db.user(UserKey::Id(id))? else { return Ok(None) };
        let (name, standing) = (row.name.to_string(), standing(db, &row, now)?);
        let attributes = row.attributes.clone();
        let number = row.uid;
        let mut fields = public_fields(&record::user_without_groups(db, row)?, LEFT_OUT)?;
        fields.extend(rules(db, HolderKey::User(id))?);
        let keys = db.keys_of(id)?.into_iter();
        let keys: Vec<_> = keys.map(|key| until(key.fingerprint, key.expires_at)).collect();
        fields.insert("ssh_keys".to_owned(), json!(keys));
        fields.extend(attributes.into_iter().map(|(k, v)| (format!("attributes.{k}"), v)));
        for (app, settings) in db.settings(id)? {
            fields.extend(
                settings.into_iter().map(|(k, v)| (format!("settings.{app}.{k}"), v.into())),
            );
        }
        fields.extend(db.profile(id)?.into_iter().map(|(k, v)| (format!("profile.{k}"), v.into())));
        fields.insert("failed_tries".to_owned(), db.failures_of(id)?.into());
        let marks = credentials(db, id, &mut fields)?;
        let (kind, id) = ("user", id.to_string());
        Ok(Some(Self { kind, name, id, number, fields, marks, standing: Some(standing) }))
    }

    /// A group of ours, if there is one.
    pub(super) fn of_group(db: Db<'_>, id: GroupId) -> Result<Option<Self>, Error> {
        let Some(row) = db.group_by_id(id)? else { return Ok(None) };
        let (name, gid) = (row.name.to_string(), row.gid);
        let left_out = &["id", "members", "sudo_commands", "sudo_commands_nopasswd"];
        let mut fields = public_fields(&record::group_without_members(db, row)?, left_out)?;
        fields.extend(rules(db, HolderKey::Gid(gid))?);
        Ok(Some(Self::group(name, id.to_string(), gid, fields)))
    }

    /// The sudo rules of a group that is not ours.
    pub(super) fn of_host_group(db: Db<'_>, gid: u32, name: String) -> Result<Self, Error> {
        Ok(Self::group(name, String::new(), gid, rules(db, HolderKey::Gid(gid))?))
    }

    fn group(name: String, id: String, number: u32, fields: BTreeMap<String, Value>) -> Self {
        let marks = BTreeMap::new();
        Self { kind: "group", name, id, number, fields, marks, standing: None }
    }

    /// The texts of a field that is a list.
    pub(super) fn list(&self, field: &str) -> Vec<&str> {
        let list = self.fields.get(field).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

fn public_fields(
    record: &impl Serialize,
    left_out: &[&str],
) -> Result<BTreeMap<String, Value>, Error> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => Ok(keep(fields, left_out)),
        Ok(_) => Err(Error::Unavailable("a record is no object".to_owned())),
        Err(error) => Err(Error::Unavailable(error.to_string())),
    }
}

fn keep(fields: Map<String, Value>, left_out: &[&str]) -> BTreeMap<String, Value> {
    fields.into_iter().filter(|(field, _)| !left_out.contains(&field.as_str())).collect()
}

/// A holder's sudo rules, as the two fields of a record.
fn rules(db: Db<'_>, holder: HolderKey) -> Result<BTreeMap<String, Value>, Error> {
    let rules = db.sudo_rules_of(holder)?;
    let of_kind = |nopasswd: bool| {
        let rules = rules.iter().filter(|rule| rule.nopasswd == nopasswd);
        rules.map(rule_text).collect::<Vec<_>>()
    };
    let fields = [("sudo_commands", false), ("sudo_commands_nopasswd", true)];
    Ok(fields.map(|(field, nopasswd)| (field.to_owned(), json!(of_kind(nopasswd)))).into())
}

fn rule_text(rule: &SudoRuleRow) -> String {
    until(rule.command.to_string(), rule.expires_at)
}

fn until(text: String, end: Option<i64>) -> String {
    match end {
        Some(end) => format!("{text} until {}", Timestamp(end)),
        None => text,
    }
}

/// The state of each credential goes to the fields; what tells two of them apart is answered.
fn credentials(
    db: Db<'_>,
    id: UserId,
    fields: &mut BTreeMap<String, Value>,
) -> Result<BTreeMap<&'static str, [u8; 32]>, Error> {
    let mut marks = BTreeMap::new();
    let mut tell = |field: &'static str, state: String, mark: [u8; 32]| {
        fields.insert(field.to_owned(), state.into());
        marks.insert(field, mark);
    };
    let password = db.password(id)?;
    let state = match &password {
        None => "not set",
        Some(password) if password.must_change => "set, to be changed at the next login",
        Some(_) => "set",
    };
    let phc = password.map(|password| password.phc).unwrap_or_default();
    tell("password", state.to_owned(), Sha256::digest(phc).into());

    let (active, pending) = (db.totp(id, TotpState::Active)?, db.totp(id, TotpState::Pending)?);
    let state = match &active {
        None => "none",
        Some(totp) if totp.enabled => "on",
        Some(_) => "off",
    };
    let waits = if pending.is_some() { ", a new one waits for its first code" } else { "" };
    let mut mark = Sha256::new();
    for row in [active, pending].into_iter().flatten() {
        mark.update(row.sealed);
    }
    tell("totp", format!("{state}{waits}"), mark.finalize().into());

    let codes = db.recovery_codes(id)?;
    let taken = if db.recovery_enabled(id)? { "" } else { ", not taken" };
    let state = format!("{} left{taken}", codes.len());
    tell("recovery_codes", state, Sha256::digest(codes.concat()).into());
    Ok(marks)
}

fn standing(db: Db<'_>, row: &UserRow, now: i64) -> Result<Standing, Error> {
    let lasts = |end: Option<i64>| end.is_none_or(|at| at > now);
    let password = !row.password_disabled && db.password(row.id)?.is_some();
    let key = db.keys_of(row.id)?.iter().any(|key| lasts(key.expires_at));
    let barred = [
        (row.locked, "locked"),
        (!row.enabled, "disabled"),
        (!lasts(row.expires_at), "expired"),
        (!row.shell.is_login_shell(), "no login shell"),
        (!password && !key, "neither password nor key"),
    ];
    Ok(Standing {
        uid: row.uid,
        gid: row.gid,
        role: row.role,
        barred: barred.into_iter().filter_map(|(is, why)| is.then_some(why)).collect(),
        second_factor: db.totp(row.id, TotpState::Active)?.is_some_and(|totp| totp.enabled),
    })
}
