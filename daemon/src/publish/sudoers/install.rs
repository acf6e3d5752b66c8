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

/// Where the file is.
#[must_use]
pub fn path(host: &SudoHost) -> String {
    host.dir.join(NAME).display().to_string()
}

/// The file's lines for these rules, without its heading.
///
/// # Errors
/// No sudo, or a rule that it cannot express.
pub fn lines(host: &SudoHost, rules: &[SudoRule]) -> Result<Vec<String>, EffectError> {
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let text = render::file(&render::meanings(rules, verify::flavour(host)?)?);
    Ok(text.lines().filter(|line| !line.starts_with("# ")).map(str::to_owned).collect())
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
        .and_then(|()| rustix::fs::fchown(&file, Some(Uid::ROOT), Some(Gid::ROOT)).during(what))
        .and_then(|()| rustix::fs::fchmod(&file, Mode::RUSR | Mode::RGRP).during(what))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;
    use crate::publish::effect::Who;
    use crate::publish::sudoers::testing::{Sudo, rule};

    const ALICE: Who = Who::User(3000);

    #[test]
    fn the_file_holds_the_rules_and_is_roots() {
        let sudo = Sudo::new();
        let rules = [
            SudoRule { nopasswd: true, ..rule(ALICE, "/usr/bin/systemctl restart nginx") },
            rule(Who::Group(3001), "ALL"),
            SudoRule { expires_at: Some(1_795_363_200), ..rule(ALICE, "/usr/bin/id \"\"") },
            rule(ALICE, "/usr/bin/id"),
            rule(ALICE, "/usr/bin/id"),
        ];
        check(&sudo.host, &rules).unwrap();
        assert!(sudo.names().is_empty(), "a check writes nothing");
        install(&sudo.host, &rules).unwrap();
        let expected = "\
            #3000 ALL=(root) PASSWD: /usr/bin/id\n\
            #3000 ALL=(root) NOTAFTER=20261122160000Z PASSWD: /usr/bin/id \"\"\n\
            %#3001 ALL=(root) PASSWD: ALL\n\
            #3000 ALL=(root) NOPASSWD: /usr/bin/systemctl restart nginx\n";
        let file = sudo.file().unwrap();
        assert_eq!(file.split_once('\n').unwrap().1, expected);
        assert!(file.starts_with("# "));
        let meta = sudo.at("sudoers.d/50-roster").metadata().unwrap();
        assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (0, 0, 0o440));
        assert_eq!(sudo.names(), ["50-roster"]);

        install(&sudo.host, &rules).unwrap();
        let again = sudo.at("sudoers.d/50-roster").metadata().unwrap();
        assert_eq!(again.ino(), meta.ino(), "the same rules again write nothing");
        install(&sudo.host, &[]).unwrap();
        install(&sudo.host, &[]).unwrap();
        assert!(sudo.names().is_empty());
    }

    #[test]
    fn a_file_changed_by_hand_is_put_right() {
        let sudo = Sudo::new();
        let rules = [rule(ALICE, "/usr/bin/id")];
        install(&sudo.host, &rules).unwrap();
        let proper = sudo.file().unwrap();
        let file = sudo.at("sudoers.d/50-roster");
        std::fs::write(&file, "#3000 ALL=(ALL) NOPASSWD: ALL\n").unwrap();
        install(&sudo.host, &rules).unwrap();
        assert_eq!(sudo.file().unwrap(), proper);

        rustix::fs::chmod(&file, Mode::from_raw_mode(0o666)).unwrap();
        install(&sudo.host, &rules).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o440);

        std::fs::write(sudo.at("precious"), "stays").unwrap();
        std::fs::remove_file(&file).unwrap();
        symlink(sudo.at("precious"), &file).unwrap();
        symlink(sudo.at("precious"), sudo.at("sudoers.d/50-roster.new")).unwrap();
        install(&sudo.host, &rules).unwrap();
        assert_eq!(sudo.file().unwrap(), proper);
        assert_eq!(std::fs::read_to_string(sudo.at("precious")).unwrap(), "stays");
    }

    #[test]
    fn a_configuration_that_our_file_would_break_is_rolled_back() {
        // A main file without the @includedir line never reads ours.
        let sudo = Sudo::new();
        install(&sudo.host, &[rule(ALICE, "/usr/bin/id")]).unwrap();
        let before = sudo.file();
        sudo.main("root ALL=(ALL) ALL\n");
        let installed = install(&sudo.host, &[rule(ALICE, "ALL")]);
        assert!(matches!(installed, Err(EffectError::SudoRefused { .. })), "{installed:?}");
        assert_eq!(sudo.file(), before);

        std::fs::remove_file(sudo.at("sudoers.d/50-roster")).unwrap();
        install(&sudo.host, &[rule(ALICE, "ALL")]).unwrap_err();
        assert!(sudo.names().is_empty());
    }

    #[test]
    fn a_revoked_rule_goes_also_when_somebody_elses_file_is_broken() {
        let sudo = Sudo::new();
        install(&sudo.host, &[rule(ALICE, "/usr/bin/id"), rule(ALICE, "ALL")]).unwrap();
        std::fs::write(sudo.at("sudoers.d/broken"), "this is no sudoers file\n").unwrap();
        install(&sudo.host, &[rule(ALICE, "/usr/bin/id")]).unwrap();
        assert!(!sudo.file().unwrap().contains("PASSWD: ALL"));
    }

    #[test]
    fn without_sudo_there_can_be_no_rules_but_that_is_no_error() {
        let mut sudo = Sudo::new();
        sudo.host.visudo = "/nonexistent/visudo".into();
        let rules = [rule(ALICE, "/usr/bin/id")];
        for answer in [check(&sudo.host, &rules), install(&sudo.host, &rules)] {
            assert!(matches!(answer, Err(EffectError::NoSudo("visudo"))));
        }
        let mut other = Sudo::new();
        other.host.cvtsudoers = "/nonexistent/cvtsudoers".into();
        let installed = install(&other.host, &rules);
        assert!(matches!(installed, Err(EffectError::NoSudo("cvtsudoers"))));
        assert!(other.names().is_empty());

        sudo.host.dir = "/nonexistent/sudoers.d".into();
        check(&sudo.host, &[]).unwrap();
        install(&sudo.host, &[]).unwrap();
    }

    #[test]
    fn a_directory_that_others_can_change_is_refused() {
        let sudo = Sudo::new();
        rustix::fs::chmod(&sudo.host.dir, Mode::from_raw_mode(0o777)).unwrap();
        let installed = install(&sudo.host, &[rule(ALICE, "/usr/bin/id")]);
        assert!(matches!(installed, Err(EffectError::BaseUnsafe { .. })));
        assert!(sudo.names().is_empty());
    }
}
