//! The published records, put together from their tables.

use accounts::{FailedLogins, Group, SshKeyEntry, Timestamp, User, UserId};

use super::Error;
use crate::store::{
    Db, GroupRow, HolderKey, KeyRow, ThrottleRow, ThrottledFrom, TotpState, UserRow,
};

/// The record of a user.
pub(super) fn user(db: Db<'_>, row: UserRow) -> Result<User, Error> {
    let groups = db.groups_of(row.id)?;
    Ok(User { groups, ..user_without_groups(db, row)? })
}

/// The record of a user whose groups, which may be ten thousand, nobody asks for: there are none in it.
pub(super) fn user_without_groups(db: Db<'_>, row: UserRow) -> Result<User, Error> {
    let UserRow {
        id,
        name,
        uid,
        gid,
        full_name,
        first_name,
        last_name,
        email,
        email_verified,
        home,
        home_mode,
        shell,
        password_disabled,
        locked,
        enabled,
        ssh_password_enabled,
        smb,
        expires_at,
        password_max_age,
        password_min_age,
        password_warn,
        password_inactive,
        role,
        attributes,
        builtin,
        immutable,
        created_at,
        updated_at,
        generation,
    } = row;
    let rules = db.sudo_rules_of(HolderKey::User(id))?;
    let commands = |nopasswd: bool| {
        let of_kind = rules.iter().filter(|rule| rule.nopasswd == nopasswd);
        of_kind.map(|rule| rule.command.to_string()).collect::<Vec<_>>()
    };
    let login = db.login(id)?;
    let failed_logins = failed_logins(db, id)?;
    Ok(User {
        id,
        name,
        uid,
        group: group_name(db, gid)?,
        gid,
        groups: Vec::new(),
        full_name,
        first_name,
        last_name,
        email,
        email_verified,
        home,
        home_mode,
        shell,
        password_disabled,
        locked,
        enabled,
        ssh_password_enabled,
        smb,
        sudo_commands: commands(false),
        sudo_commands_nopasswd: commands(true),
        ssh_keys: db.keys_of(id)?.into_iter().map(key).collect(),
        expires_at: expires_at.map(Timestamp),
        password_max_age,
        password_min_age,
        password_warn,
        password_inactive,
        role,
        tags: db.tags(id)?,
        attributes,
        settings: db.settings(id)?,
        profile: db.profile(id)?,
        created_at: Timestamp(created_at),
        updated_at: Timestamp(updated_at),
        generation,
        builtin,
        immutable,
        local: true,
        twofactor_auth_configured: db.totp(id, TotpState::Active)?.is_some_and(|totp| totp.enabled),
        last_login: login.last_at.map(Timestamp),
        first_login: login.first_at.map(Timestamp),
        failed_logins,
        password_changed_at: db.password(id)?.map(|password| Timestamp(password.changed_at)),
        tokens: db.token_ids_of(id)?,
        sid: None,
        nt_name: None,
    })
}

/// The name of a group of ours, or else the number as text: the group is one of the host's.
fn group_name(db: Db<'_>, gid: u32) -> Result<String, Error> {
    Ok(db.group_by_gid(gid)?.map_or_else(|| gid.to_string(), |group| group.name.to_string()))
}

/// Where tries of a user failed, the latest first.
pub(super) fn failed_logins(db: Db<'_>, user: UserId) -> Result<Vec<FailedLogins>, Error> {
    let failed = db.throttles(user)?.into_iter();
    let failed = failed.filter(|from| from.row.failures > 0).map(|from| {
        let ThrottledFrom { kind, remote, row } = from;
        let ThrottleRow { failures, last_failure_at, retry_at } = row;
        FailedLogins {
            from: remote,
            kind: kind.as_str().to_owned(),
            count: failures,
            last_at: Timestamp(last_failure_at),
            throttled_until: (retry_at > last_failure_at).then_some(Timestamp(retry_at)),
        }
    });
    Ok(failed.collect())
}

/// A key as the record shows it.
pub(super) fn key(row: KeyRow) -> SshKeyEntry {
    let KeyRow { id, user_id: _, line, fingerprint, added_at, expires_at } = row;
    SshKeyEntry {
        id,
        key: line,
        fingerprint,
        added_at: Timestamp(added_at),
        expires_at: expires_at.map(Timestamp),
    }
}

/// The record of a group.
pub(super) fn group(db: Db<'_>, row: GroupRow) -> Result<Group, Error> {
    let members = db.members_of(row.id)?;
    Ok(Group { members, ..group_without_members(db, row)? })
}

/// The record of a group whose members, which may be a hundred thousand, nobody asks for: there are
/// none in it.
pub(super) fn group_without_members(db: Db<'_>, row: GroupRow) -> Result<Group, Error> {
    let GroupRow { id, name, gid, display_name, builtin, .. } = row;
    let rules = db.sudo_rules_of(HolderKey::Gid(gid))?;
    let commands = |nopasswd: bool| {
        let of_kind = rules.iter().filter(|rule| rule.nopasswd == nopasswd);
        of_kind.map(|rule| rule.command.to_string()).collect::<Vec<_>>()
    };
    Ok(Group {
        id,
        name,
        gid,
        display_name,
        members: Vec::new(),
        sudo_commands: commands(false),
        sudo_commands_nopasswd: commands(true),
        builtin,
    })
}
