//! Takes a home away: into the quarantine, or for good.

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::base::{Place, place, rename};
use super::{neighbours, refuse_system_uid, remove};
use crate::publish::error::{During, EffectError};
use crate::publish::host::Host;

/// The directory beside the homes that keeps archived ones; root's, mode 0700.
const QUARANTINE: &str = ".roster-quarantine";

/// Moves the home into the quarantine as `<name>.<label>`. A missing home counts as moved.
///
/// # Errors
/// A home that belongs to somebody else, is or holds a mount, or holds another account's home.
pub fn archive(host: &Host, path: &str, uid: u32, label: &str) -> Result<(), EffectError> {
    acceptable_label(label)?;
    let Some(place) = retirable(host, path, uid)? else { return Ok(()) };
    let quarantine = place.make_ours(QUARANTINE)?;
    let kept = format!("{}.{label}", place.name);
    match rename((place.base.as_fd(), &place.name), (quarantine.as_fd(), &kept)) {
        Ok(()) => {}
        // The label is this effect's own: it has been carried out, and the home that is here now
        // is a later one.
        Err(Errno::EXIST) => return Ok(()),
        Err(errno) => return Err(errno).during(|| format!("archive {path}")),
    }
    rustix::fs::fsync(&quarantine).during(|| format!("fsync {}/{QUARANTINE}", place.base_path))?;
    place.sync()
}

/// Whether [`archive`] would work.
///
/// # Errors
/// As [`archive`].
pub fn check_archive(host: &Host, path: &str, uid: u32, label: &str) -> Result<(), EffectError> {
    acceptable_label(label)?;
    retirable(host, path, uid).map(|_| ())
}

/// Removes the home and all in it. A missing home counts as removed.
///
/// It disappears in one step, by a rename into a workspace; a removal that is interrupted or
/// fails later leaves that workspace, which a repetition clears.
///
/// # Errors
/// As [`archive`]; also a tree that cannot be removed (a mount in it, immutable files).
pub fn purge(host: &Host, path: &str, uid: u32) -> Result<(), EffectError> {
    refuse_system_uid(uid)?;
    let Some(place) = place(host, path)? else { return Ok(()) };
    let workspace = place.workspace_name("gone");
    remove::workspace(&place, &workspace)?;
    let Some(place) = retirable(host, path, uid)? else { return Ok(()) };
    let gone = place.make_ours(&workspace)?;
    rename((place.base.as_fd(), &place.name), (gone.as_fd(), "home"))
        .during(|| format!("remove {path}"))?;
    place.sync()?;
    remove::workspace(&place, &workspace)
}

/// Whether [`purge`] would work, as far as can be seen without walking the tree.
///
/// # Errors
/// As [`purge`].
pub fn check_purge(host: &Host, path: &str, uid: u32) -> Result<(), EffectError> {
    retirable(host, path, uid).map(|_| ())
}

/// The home's place, when there is a home and it may go.
fn retirable(host: &Host, path: &str, uid: u32) -> Result<Option<Place>, EffectError> {
    refuse_system_uid(uid)?;
    let place = match place(host, path) {
        Ok(Some(place)) => place,
        // Where the base is gone, so is the home.
        Ok(None) | Err(EffectError::BaseMissing(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(home) = place.home_of(uid)? else { return Ok(None) };
    neighbours::none_inside(host, &place, &home, uid)?;
    Ok(Some(place))
}

fn acceptable_label(label: &str) -> Result<(), EffectError> {
    let uuid = label.len() == 36 && label.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if uuid { Ok(()) } else { Err(EffectError::BadLabel(label.to_owned())) }
}
