//! Replaces the sudoers file.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;

use super::render::{self, Flavour};
use super::{SudoHost, verify};
use crate::publish::effect::SudoRule;
use crate::publish::error::{During, EffectError};

const NAME: &str = "50-roster";
/// sudo ignores names with a dot in them.
const TEMPORARY: &str = "50-roster.new";
/// A file that was at our name is kept for the roll-back when it is not larger than this.
const MOST_KEPT: u64 = 64 << 20;

/// Makes the file hold exactly these rules. No rules: no file, and no sudo is needed.
///
/// # Errors
/// No sudo, a rule that sudo cannot express, a file that sudo refuses or reads otherwise; the
/// file is as before then.
pub fn install(host: &SudoHost, rules: &[SudoRule]) -> Result<(), EffectError> {
    if rules.is_empty() {
        return remove(host);
    }
    let (flavour, text) = proved(host, rules)?;
    let dir = open_dir(host)?.ok_or(EffectError::NoSudo("sudoers.d"))?;
    let before = current(&dir)?;
    if before.as_ref().is_some_and(|before| before.as_ours && before.text == text.as_bytes()) {
        return Ok(());
    }
    let path = host.dir.join(NAME);
    let was_valid = verify::whole(host, flavour, None).is_ok();
    put(&dir, text.as_bytes())?;
    let Err(error) = verify::whole(host, flavour, Some(&path)) else { return Ok(()) };
    if !was_valid {
        // Somebody else's file is broken. Ours is proved by itself, and holding it back would
        // leave rules in force that have been revoked.
        tracing::warn!(%error, "sudo's configuration was invalid before the rules were replaced");
        return Ok(());
    }
    match before {
        Some(before) => put(&dir, &before.text)?,
        None => unlink(&dir, NAME)?,
    }
    Err(error)
}

/// Whether [`install`] would work, short of the check of the whole configuration.
///
/// # Errors
/// As [`install`].
pub fn check(host: &SudoHost, rules: &[SudoRule]) -> Result<(), EffectError> {
    if rules.is_empty() {
        return Ok(());
    }
    proved(host, rules)?;
    open_dir(host)?.map(|_| ()).ok_or(EffectError::NoSudo("sudoers.d"))
}

/// The file's text, after sudo has said that it means these rules.
fn proved(host: &SudoHost, rules: &[SudoRule]) -> Result<(Flavour, String), EffectError> {
    let flavour = verify::flavour(host)?;
    let meant = render::meanings(rules, flavour)?;
    let text = render::file(&meant);
    verify::file(host, flavour, &text, &meant)?;
    Ok((flavour, text))
}

fn open_dir(host: &SudoHost) -> Result<Option<OwnedFd>, EffectError> {
    let what = || format!("open {}", host.dir.display());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let dir = match rustix::fs::openat2(CWD, &host.dir, flags, Mode::empty(), resolve) {
        Ok(dir) => dir,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno).during(what),
    };
    let stat = rustix::fs::fstat(&dir).during(what)?;
    if stat.st_uid != 0 || stat.st_mode & 0o022 != 0 {
        let base = host.dir.display().to_string();
        return Err(EffectError::BaseUnsafe { base, why: "can be changed by others than root" });
    }
    Ok(Some(dir))
}

struct Before {
    text: Vec<u8>,
    /// Whether owner and mode are those we give.
    as_ours: bool,
}

fn current(dir: &OwnedFd) -> Result<Option<Before>, EffectError> {
    let what = || format!("read {NAME}");
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(dir, NAME, flags, Mode::empty()) {
        Ok(file) => file,
        // A link would be replaced, not followed: there is nothing to go back to.
        Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
        Err(errno) => return Err(errno).during(what),
    };
    let stat = rustix::fs::fstat(&file).during(what)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Errno::EXIST).during(what);
    }
    let mut text = Vec::new();
    let read = File::from(file).take(MOST_KEPT + 1).read_to_end(&mut text).during(what)?;
    if read as u64 > MOST_KEPT {
        return Err(Errno::FBIG).during(what);
    }
    let as_ours = stat.st_uid == 0 && stat.st_gid == 0 && stat.st_mode & 0o7777 == 0o440;
    Ok(Some(Before { text, as_ours }))
}

/// Write, fsync, rename, fsync: the file is the old one or the new one, after a crash too.
fn put(dir: &OwnedFd, text: &[u8]) -> Result<(), EffectError> {
    let what = || format!("write {NAME}");
    unlink(dir, TEMPORARY)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, TEMPORARY, flags, Mode::RUSR | Mode::RGRP).during(what)?;
    let mut file = File::from(file);
    let written = file
        .write_all(text)
        .during(what)
        .and_then(|()| {
            rustix::fs::fchown(&file, Some(Uid::ROOT), Some(Gid::ROOT)).during(what)
        })
        .and_then(|()| {
            rustix::fs::fchmod(&file, Mode::RUSR | Mode::RGRP).during(what)
        })
        .and_then(|()| rustix::fs::fsync(&file).during(what))
        .and_then(|()| rustix::fs::renameat(dir, TEMPORARY, dir, NAME).during(what));
    if written.is_err() {
        let _ = unlink(dir, TEMPORARY);
    }
    written?;
    rustix::fs::fsync(dir).during(what)
}

fn remove(host: &SudoHost) -> Result<(), EffectError> {
    let Some(dir) = open_dir(host)? else { return Ok(()) };
    unlink(&dir, TEMPORARY)?;
    unlink(&dir, NAME)?;
    rustix::fs::fsync(&dir).during(|| format!("remove {NAME}"))
}

fn unlink(dir: &OwnedFd, name: &str) -> Result<(), EffectError> {
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno).during(|| format!("remove {name}")),
    }
}
