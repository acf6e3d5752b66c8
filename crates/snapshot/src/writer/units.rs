//! How much of a file a record takes, in units of eight bytes.

use super::contents::UserEntry;
use super::encode;
use super::error::WriteError;
use super::image::units;
use crate::hash::Key;
use crate::layout::{anchor, edge, group, member, shadow};

/// Units that the user's record takes.
pub(super) fn user_units(entry: &UserEntry) -> Result<u64, WriteError> {
    // The key of the hash changes no length.
    Ok(encode::user(Key(0, 0), entry)?.units())
}

/// Units that a shadow record takes.
pub(super) fn shadow_units(name: &str) -> Result<u64, WriteError> {
    text_units(shadow::NAME, name)
}

/// Units that a group takes, without members.
pub(super) fn group_units(name: &str) -> Result<u64, WriteError> {
    Ok(text_units(group::NAME, name)? + u64::from(units(anchor::WORDS)?))
}

/// Units that a membership takes, with the member's own record.
pub(super) fn membership_units(name: &str) -> Result<u64, WriteError> {
    Ok(text_units(edge::NAME, name)? + text_units(member::NAME, name)?)
}

fn text_units(head: usize, name: &str) -> Result<u64, WriteError> {
    Ok(u64::from(units(head + (name.len() + 1).div_ceil(4))?))
}
