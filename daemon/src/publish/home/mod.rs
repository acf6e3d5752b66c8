//! Home directories: made, archived, removed and moved as root in places where other users have
//! files, so every step is by descriptor and no symbolic link is followed.
//!
//! Work in progress lives in a *workspace*, a root-only directory beside the home. A home appears
//! and disappears in one rename; what a crash leaves behind is a workspace, which the repetition
//! of the effect finds by its name and clears.

mod archived;
mod base;
mod copy;
mod create;
mod exists;
mod neighbours;
mod relocate;
mod remove;
mod retire;
#[cfg(test)]
pub(crate) mod testing;
mod xattr;

pub use archived::{check_erase, check_restore, erase, is_kept, path as archived_path, restore};
pub use create::{Owner, check as check_create, create};
pub use exists::{belongs, exists};
pub use relocate::{check as check_relocate, relocate};
pub use retire::{archive, check_archive, check_purge, purge};

use super::error::EffectError;

/// Below this, uids are the system's own accounts; their files are not ours to move.
pub(super) const FIRST_USER: u32 = 1000;

fn refuse_system_uid(uid: u32) -> Result<(), EffectError> {
    if uid < FIRST_USER { Err(EffectError::RefusedUid(uid)) } else { Ok(()) }
}
