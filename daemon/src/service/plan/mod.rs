//! What a change comes to, as values: for the plan that a rehearsal answers with, and for the audit
//! row that the change leaves.
//!
//! Every verb can be rehearsed, and none has code for it. A [`Grant`](crate::authorize::Grant) that
//! rehearses makes [`Service::change`](super::Service) run the change inside its transaction, with
//! every check that it has, then roll back and leave by [`Error::Planned`](super::Error). There is
//! no way past it: a rehearsed verb cannot come to its own answer.
//!
//! What changed is found by comparison. The store tells of every user and group before it touches
//! them ([`Watch`](crate::store::Watch)), the [`watcher`] keeps their [`facts`], and reads them
//! again at the end. Memberships are told of one by one, with the groups that a user joins or leaves,
//! or the members that a group gains or loses: nobody reads the hundred thousand that stay. So a new
//! verb has plan and audit row without doing anything for them; one that
//! changes what is no user or group says so with `Change::planned`, and one that writes past
//! `Service::change` (bookkeeping of logins) has to ask `Grant::rehearses` first.
//!
//! No secret gets this far: facts hold that there is a password, not which.

mod difference;
mod effects;
mod facts;
mod row;
mod tie;
mod warnings;
mod watcher;

#[cfg(test)]
mod tests;

use serde::Serialize;

pub use difference::Changed;
pub(super) use difference::shown;
pub use effects::PlannedEffect;
pub(super) use effects::describe;
pub(super) use facts::Facts;
pub(super) use row::row;
pub(super) use tie::Tie;
pub(super) use warnings::Weighed;
pub(super) use watcher::{Before, Comparison, Seen, Watcher};

/// Changes that a plan lists; it says how many there are beyond.
const MOST_CHANGES: usize = 1000;
/// Warnings that a plan lists.
const MOST_WARNINGS: usize = 100;

/// What a change would do, had it not been a rehearsal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Whom it is about, as the audit log would name it; empty when nothing would change.
    pub subject: String,
    /// What would change in the store, field by field.
    pub changes: Vec<Changed>,
    /// What would be done to the host.
    pub effects: Vec<PlannedEffect>,
    /// The files and directories of the host that would change.
    pub files: Vec<String>,
    /// Who could be locked out, who would gain or lose power, what would be gone for good.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Puts a plan together.
    pub(super) fn new(
        subject: String,
        mut changes: Vec<Changed>,
        effects: Vec<PlannedEffect>,
        mut warnings: Vec<String>,
    ) -> Self {
        if changes.len() > MOST_CHANGES {
            warnings.push(format!("{} more changes are not listed", changes.len() - MOST_CHANGES));
            changes.truncate(MOST_CHANGES);
        }
        if warnings.len() > MOST_WARNINGS {
            let more = format!("{} more warnings are not listed", warnings.len() - MOST_WARNINGS);
            warnings.truncate(MOST_WARNINGS);
            warnings.push(more);
        }
        let mut files: Vec<String> =
            effects.iter().flat_map(|effect| effect.files.iter().cloned()).collect();
        files.sort();
        files.dedup();
        Self { subject, changes, effects, files, warnings }
    }
}
