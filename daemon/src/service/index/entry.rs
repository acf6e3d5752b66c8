//! A user as the index has it.

use accounts::Timestamp;
use snapshot::writer::{KeyEntry, ShadowEntry, UserEntry};

use crate::store::PublishedUser;

/// The entry of a user: `struct passwd` as [`super::super::lookups`] answers it, keys, and ageing.
pub(super) fn entry(user: PublishedUser) -> UserEntry {
    let PublishedUser {
        id: _,
        name,
        uid,
        gid,
        full_name,
        home,
        shell,
        locked,
        enabled,
        ssh_password_enabled: _,
        expires_at,
        password_max_age,
        password_min_age,
        password_warn,
        password_inactive,
        keys,
        password,
        has_code: _,
    } = user;
    let locked = locked || !enabled;
    let days = |days: Option<u32>| days.map(i64::from);
    let keys = keys.into_iter().map(|(line, expires_at)| KeyEntry { line, expires_at });
    UserEntry {
        name,
        uid,
        gid,
        gecos: full_name,
        home,
        shell,
        locked,
        expires_at,
        keys: keys.collect(),
        shadow: ShadowEntry {
            locked,
            // 0 is shadow(5)'s way to say "change at the next login".
            last_change: password.map(|(at, must)| if must { 0 } else { Timestamp(at).days() }),
            min: days(password_min_age),
            max: days(password_max_age),
            warn: days(password_warn),
            inactive: days(password_inactive),
            expire: expires_at.map(|at| Timestamp(at).days()),
        },
    }
}
