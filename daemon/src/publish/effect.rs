//! The host effects: everything Roster does to the machine outside its own files, as values.

use accounts::SudoCommand;
use serde::{Deserialize, Serialize};

/// One change to the host, as it stands in the outbox (JSON).
///
/// Carrying one out twice, or again after a crash in the middle, has the effect of doing it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// Make a home directory from `/etc/skel`.
    CreateHome {
        /// Where, absolute. `/var/empty` and `/nonexistent` mean "no home": nothing is done.
        path: String,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Its permission bits, never group- or other-writable.
        mode: u32,
        /// Accept a directory that is already there and belongs to `uid`.
        adopt: bool,
    },
    /// Move a home into the root-only quarantine beside it,
    /// `<base>/.roster-quarantine/<name>.<label>`.
    ArchiveHome {
        /// The home.
        path: String,
        /// Its owner: a directory of anybody else is refused.
        uid: u32,
        /// A UUID's text, a new one for each effect: makes the quarantine's name unique and the
        /// effect repeatable.
        label: String,
    },
    /// Remove a home and all it holds.
    PurgeHome {
        /// The home.
        path: String,
        /// Its owner: a directory of anybody else is refused.
        uid: u32,
    },
    /// Move a home elsewhere: a rename, or a copy where that is another file system.
    MoveHome {
        /// Where it is.
        from: String,
        /// Where it shall be; nothing may be there yet.
        to: String,
        /// Its owner: a directory of anybody else is refused.
        uid: u32,
    },
    /// Write the sudoers file; these rules are all of it. No rules: no file.
    Sudoers {
        /// Every rule, in any order.
        rules: Vec<SudoRule>,
    },
    /// End the user's sessions and kill what is left of their processes.
    EndSessions {
        /// Whose; below 1000 is refused.
        uid: u32,
    },
}

/// What one user or group may run as root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SudoRule {
    /// Who may.
    pub who: Who,
    /// What they may run.
    pub command: SudoCommand,
    /// Whether without their password.
    pub nopasswd: bool,
    /// When the rule ends, seconds since 1970. The daemon's timer removes it; the file says it
    /// too where sudo knows `NOTAFTER`.
    pub expires_at: Option<i64>,
}

/// Whom a sudo rule is for: always a number, never a name (a name may mean something to sudoers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// A user, `#uid`.
    User(u32),
    /// A group's members, `%#gid`.
    Group(u32),
}
