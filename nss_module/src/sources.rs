//! The files that this process reads, and where it is in its enumerations.

use snapshot::{
    CHECKPOINT_INDEX, CHECKPOINT_SHADOW, Enumeration, Index, Kind, LIVE_INDEX, LIVE_SHADOW, Shared,
};

use crate::outcome::Outcome;

/// Only what root wrote is believed.
const ROOT: u32 = 0;

/// Users, groups and memberships.
pub static INDEX: Shared = Shared::new(LIVE_INDEX, CHECKPOINT_INDEX, Kind::Index, ROOT);
/// Lock state and ageing; root alone can open it.
pub static SHADOW: Shared = Shared::new(LIVE_SHADOW, CHECKPOINT_SHADOW, Kind::Shadow, ROOT);

/// Behind `getpwent`.
pub static USERS: Enumeration = Enumeration::new(&INDEX);
/// Behind `getgrent`.
pub static GROUPS: Enumeration = Enumeration::new(&INDEX);
/// Behind `getspent`.
pub static SHADOWS: Enumeration = Enumeration::new(&SHADOW);

/// Looks something up in the file as it is now.
#[inline]
pub fn lookup(shared: &Shared, find: impl FnOnce(Index<'_>) -> Outcome) -> Outcome {
    match shared.pin() {
        Ok(pinned) => find(pinned.index()),
        Err(unavailable) => unavailable.into(),
    }
}

/// `set…ent`.
pub fn restart(enumeration: &Enumeration) -> Outcome {
    enumeration.restart().map_or_else(Outcome::from, |()| Outcome::Success)
}
