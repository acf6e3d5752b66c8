//! Carries host effects out.

use std::path::PathBuf;

use super::effect::Effect;
use super::error::EffectError;
use super::{home, samba, sessions, sudoers};

/// The machine the effects are for: where its directories and programs are.
///
/// Only tests have another one than [`Host::system`].
#[derive(Debug, Clone)]
pub struct Host {
    /// The directory that paths in effects start from; trusted as it is.
    pub root: PathBuf,
    /// The skeleton of a new home, as seen from `root`.
    pub skel: String,
    /// The accounts of the machine itself, whose homes are never taken away with another's.
    pub passwd: PathBuf,
    /// Where the sudoers file goes and what checks it.
    pub sudo: sudoers::SudoHost,
    /// Where processes are listed.
    pub proc: PathBuf,
    /// The program that ends sessions.
    pub loginctl: PathBuf,
    /// The program that keeps Samba's passwords.
    pub smbpasswd: PathBuf,
}

impl Host {
    /// This machine.
    #[must_use]
    pub fn system() -> Self {
        Self {
            root: "/".into(),
            skel: "/etc/skel".into(),
            passwd: "/etc/passwd".into(),
            sudo: sudoers::SudoHost::system(),
            proc: "/proc".into(),
            loginctl: "/usr/bin/loginctl".into(),
            smbpasswd: "/usr/bin/smbpasswd".into(),
        }
    }

    /// Does what the effect says. Blocks: files are copied, programs run.
    ///
    /// Repeating an effect, also after a crash at any point of it, is harmless: what is done
    /// already counts as done. A home that exists and belongs to the uid is such a case, so
    /// [`Host::check`] has to come first where an existing directory is an error.
    ///
    /// Two effects on the same home, or two on the sudoers file, must not be carried out at the
    /// same time.
    ///
    /// # Errors
    /// Says what stood in the way; the host is as before, or as a repetition can pick up.
    pub fn carry_out(&self, effect: &Effect) -> Result<(), EffectError> {
        match effect {
            Effect::CreateHome { path, uid, gid, mode, adopt: _ } => {
                home::create(self, path, &home::Owner { uid: *uid, gid: *gid, mode: *mode })
            }
            Effect::ArchiveHome { path, uid, label } => home::archive(self, path, *uid, label),
            Effect::PurgeHome { path, uid } => home::purge(self, path, *uid),
            Effect::RestoreHome { path, to, uid, label } => {
                home::restore(self, path, to, *uid, label)
            }
            Effect::PurgeArchive { path, uid, label } => home::erase(self, path, *uid, label),
            Effect::MoveHome { from, to, uid } => home::relocate(self, from, to, *uid),
            Effect::Sudoers { rules } => sudoers::install(&self.sudo, rules),
            Effect::Samba { name, entry } => samba::keep(self, name, *entry),
            Effect::EndSessions { uid } => sessions::end(self, *uid),
        }
    }

    /// Whether there is a Samba to hand passwords to.
    #[must_use]
    pub fn has_samba(&self) -> bool {
        samba::is_there(&self.smbpasswd)
    }

    /// Hands a password to Samba. Not an effect: those are written down until they are done.
    ///
    /// # Errors
    /// What Samba's program said.
    pub fn set_samba_password(&self, name: &str, password: &[u8]) -> Result<(), EffectError> {
        samba::set_password(self, name, password)
    }

    /// Whether a home directory is there.
    #[must_use]
    pub fn has_home(&self, path: &str) -> bool {
        home::exists(self, path)
    }

    /// How many processes a user has.
    ///
    /// # Errors
    /// When processes cannot be listed.
    pub fn processes(&self, uid: u32) -> Result<usize, EffectError> {
        sessions::running(self, uid)
    }

    /// Where the sudoers file is.
    #[must_use]
    pub fn sudoers_path(&self) -> String {
        sudoers::path(&self.sudo)
    }

    /// The lines that these rules are in the sudoers file.
    ///
    /// # Errors
    /// Without a sudo, or for a rule that it cannot express.
    pub fn sudoers_lines(
        &self,
        rules: &[super::effect::SudoRule],
    ) -> Result<Vec<String>, EffectError> {
        sudoers::lines(&self.sudo, rules)
    }

    /// Whether a home directory is there and belongs to `uid`.
    #[must_use]
    pub fn has_home_of(&self, path: &str, uid: u32) -> bool {
        home::belongs(self, path, uid)
    }

    /// Whether the home that was at `path` is in the quarantine.
    #[must_use]
    pub fn has_archive(&self, path: &str, uid: u32, label: &str) -> bool {
        home::is_kept(self, path, uid, label)
    }

    /// Whether the effect would work now, for asking before the transaction that owes it commits.
    /// Changes nothing.
    ///
    /// # Errors
    /// Says what would stand in the way.
    pub fn check(&self, effect: &Effect) -> Result<(), EffectError> {
        match effect {
            Effect::CreateHome { path, uid, gid, mode, adopt } => {
                let owner = home::Owner { uid: *uid, gid: *gid, mode: *mode };
                home::check_create(self, path, &owner, *adopt)
            }
            Effect::ArchiveHome { path, uid, label } => {
                home::check_archive(self, path, *uid, label)
            }
            Effect::PurgeHome { path, uid } => home::check_purge(self, path, *uid),
            Effect::RestoreHome { path, to, uid, label } => {
                home::check_restore(self, path, to, *uid, label)
            }
            Effect::PurgeArchive { path, uid, label } => home::check_erase(self, path, *uid, label),
            Effect::MoveHome { from, to, uid } => home::check_relocate(self, from, to, *uid),
            Effect::Sudoers { rules } => sudoers::check(&self.sudo, rules),
            Effect::Samba { .. } => Ok(()),
            Effect::EndSessions { uid } => sessions::check(*uid),
        }
    }
}
