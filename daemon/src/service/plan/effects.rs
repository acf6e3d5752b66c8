//! Host effects as a plan tells of them.

use serde::Serialize;

use crate::publish::effect::{Effect, SudoRule};
use crate::publish::host::Host;
use crate::publish::samba::SambaEntry;

/// One effect that a change would have on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedEffect {
    /// The effect's kind, as the outbox has it: `create_home`, `sudoers`, `end_sessions`, …
    pub kind: &'static str,
    /// The file or directory that it is about; empty when it is about none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What would be done, for people.
    pub text: String,
    /// Lines that a file would gain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Lines that it would lose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Everything that would be another afterwards.
    #[serde(skip)]
    pub(super) files: Vec<String>,
}

impl PlannedEffect {
    fn on(kind: &'static str, path: &str, text: String) -> Self {
        let (added, removed, files) = (Vec::new(), Vec::new(), vec![path.to_owned()]);
        Self { kind, path: path.to_owned(), text, added, removed, files }
    }
}

/// Lines of the sudoers file that a plan shows of each kind.
const MOST_LINES: usize = 64;

/// What an effect would do; `None` when it would change nothing. `rules_before`: those of the
/// sudoers file as it should be now.
pub(in crate::service) fn describe(
    host: &Host,
    effect: &Effect,
    rules_before: &[SudoRule],
) -> Option<PlannedEffect> {
    Some(match effect {
        Effect::CreateHome { path, uid, gid, mode, adopt } => {
            let from = if *adopt { "the directory that is there, or of " } else { "" };
            let text = format!(
                "make the home directory {path} of {from}{}, for {uid}:{gid}, mode {mode:o}",
                host.skel
            );
            PlannedEffect::on("create_home", path, text)
        }
        Effect::ArchiveHome { path, .. } => {
            let quarantine = quarantine(path);
            let text = format!("move the home directory {path} to {quarantine}, for root alone");
            let mut effect = PlannedEffect::on("archive_home", path, text);
            effect.files.push(quarantine);
            effect
        }
        Effect::PurgeHome { path, .. } => {
            let text = format!("erase the home directory {path} with all it holds");
            PlannedEffect::on("purge_home", path, text)
        }
        Effect::RestoreHome { path, to, .. } => {
            let quarantine = quarantine(path);
            let text = format!("move the home directory {to} back from {quarantine}");
            let mut effect = PlannedEffect::on("restore_home", to, text);
            effect.files.push(quarantine);
            effect
        }
        Effect::PurgeArchive { path, .. } => {
            let quarantine = quarantine(path);
            let text = format!("erase what was the home directory {path} from {quarantine}");
            PlannedEffect::on("purge_archive", &quarantine, text)
        }
        Effect::Samba { name, entry } => {
            let state = match entry {
                SambaEntry::Removed => "forget",
                SambaEntry::Disabled => "refuse",
                SambaEntry::Enabled => "accept",
            };
            let files = Vec::new();
            let text = format!("let Samba {state} {name}");
            PlannedEffect { files, ..PlannedEffect::on("samba", "", text) }
        }
        Effect::MoveHome { from, to, .. } => {
            let text = format!("move the home directory {from} to {to}");
            let mut effect = PlannedEffect::on("move_home", from, text);
            effect.files.push(to.clone());
            effect
        }
        Effect::EndSessions { uid } => {
            let running = match host.processes(*uid) {
                Ok(0) => "none is running".to_owned(),
                Ok(1) => "1 process is running".to_owned(),
                Ok(count) => format!("{count} processes are running"),
                Err(error) => error.to_string(),
            };
            let text = format!("end the sessions and processes of uid {uid} ({running})");
            let files = Vec::new();
            PlannedEffect { files, ..PlannedEffect::on("end_sessions", "", text) }
        }
        Effect::Sudoers { rules } => sudoers(host, rules, rules_before)?,
    })
}

fn quarantine(home: &str) -> String {
    let base = home.rsplit_once('/').map_or("", |(base, _)| base);
    format!("{base}/.roster-quarantine")
}

fn sudoers(host: &Host, after: &[SudoRule], before: &[SudoRule]) -> Option<PlannedEffect> {
    // What sudo cannot express is refused before; without a sudo there is no file.
    let lines = |rules| host.sudoers_lines(rules).unwrap_or_default();
    let (after, before) = (lines(after), lines(before));
    let beyond = |lines: &[String], other: &[String]| {
        lines.iter().filter(|line| !other.contains(line)).cloned().collect::<Vec<_>>()
    };
    let (added, removed) = (beyond(&after, &before), beyond(&before, &after));
    if added.is_empty() && removed.is_empty() {
        return None;
    }
    let path = host.sudoers_path();
    let counts = format!("{} rules more, {} less", added.len(), removed.len());
    let text = if after.is_empty() {
        format!("remove {path}: no rule is left")
    } else {
        format!("write {path}: {counts}")
    };
    let some = |lines: Vec<String>| lines.into_iter().take(MOST_LINES).collect();
    let effect = PlannedEffect::on("sudoers", &path, text);
    Some(PlannedEffect { added: some(added), removed: some(removed), ..effect })
}
