//! The host effects: everything Roster does to the machine outside its own files, as values.

use accounts::SudoCommand;
use serde::{Deserialize, Serialize};

use super::samba::SambaEntry;

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
    /// Move a home out of the quarantine again. One that is not there counts as moved.
    RestoreHome {
        /// Where it was before [`Effect::ArchiveHome`].
        path: String,
        /// Where it shall be; nothing may be there yet.
        to: String,
        /// Its owner: a directory of anybody else is refused.
        uid: u32,
        /// The label that it was archived under.
        label: String,
    },
    /// Remove a home from the quarantine, with all it holds.
    PurgeArchive {
        /// Where it was before [`Effect::ArchiveHome`].
        path: String,
        /// Its owner: a directory of anybody else is refused.
        uid: u32,
        /// The label that it was archived under.
        label: String,
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
    /// Bring the user's entry in Samba's password store into a state.
    Samba {
        /// Whose: the name that Samba knows.
        name: String,
        /// The state.
        entry: SambaEntry,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use accounts::Args;

    use super::*;

    /// An outbox row written before an update has to be understood after it.
    #[test]
    fn the_outbox_form_is_fixed() {
        let home = || "/home/a".to_owned();
        let command = SudoCommand::Path { path: "/bin/id".to_owned(), args: Args::None };
        let rule = SudoRule { who: Who::User(7), command, nopasswd: true, expires_at: Some(9) };
        let group = SudoRule {
            who: Who::Group(8),
            command: SudoCommand::All,
            nopasswd: false,
            expires_at: None,
        };
        for (effect, json) in [
            (
                Effect::CreateHome { path: home(), uid: 1, gid: 2, mode: 448, adopt: false },
                r#"{"kind":"create_home","path":"/home/a","uid":1,"gid":2,"mode":448,"adopt":false}"#,
            ),
            (
                Effect::ArchiveHome { path: home(), uid: 1, label: "l".to_owned() },
                r#"{"kind":"archive_home","path":"/home/a","uid":1,"label":"l"}"#,
            ),
            (
                Effect::PurgeHome { path: home(), uid: 1 },
                r#"{"kind":"purge_home","path":"/home/a","uid":1}"#,
            ),
            (
                Effect::RestoreHome {
                    path: home(),
                    to: "/home/b".to_owned(),
                    uid: 1,
                    label: "l".to_owned(),
                },
                r#"{"kind":"restore_home","path":"/home/a","to":"/home/b","uid":1,"label":"l"}"#,
            ),
            (
                Effect::PurgeArchive { path: home(), uid: 1, label: "l".to_owned() },
                r#"{"kind":"purge_archive","path":"/home/a","uid":1,"label":"l"}"#,
            ),
            (
                Effect::MoveHome { from: home(), to: "/srv/a".to_owned(), uid: 1 },
                r#"{"kind":"move_home","from":"/home/a","to":"/srv/a","uid":1}"#,
            ),
            (
                Effect::Sudoers { rules: vec![rule, group] },
                r##"{"kind":"sudoers","rules":[{"who":{"user":7},"command":{"path":{"path":"/bin/id","args":"none"}},"nopasswd":true,"expires_at":9},{"who":{"group":8},"command":"all","nopasswd":false,"expires_at":null}]}"##,
            ),
            (Effect::EndSessions { uid: 1 }, r#"{"kind":"end_sessions","uid":1}"#),
            (
                Effect::Samba { name: "a".to_owned(), entry: SambaEntry::Removed },
                r#"{"kind":"samba","name":"a","entry":"removed"}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&effect).unwrap(), json);
            assert_eq!(serde_json::from_str::<Effect>(json).unwrap(), effect);
        }
    }
}
