//! Each audit row goes to the journal once it is committed, and the log's end to a file beside the
//! database.
//!
//! Both follow the log: what a crash or a journal that was away has kept from them is sent later, in
//! order. A row may reach the journal twice, and never without having been committed.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use super::record::Record;
use crate::publish::journal::{Journal, JournalEntry};
use crate::service::{Error, Service};
use crate::store::{AuditFilter, AuditFrom, AuditHead, AuditRow};

/// What `MESSAGE_ID=` is in the journal for every audit row (sd_journal_send(3)): documented in the
/// README, never to be changed.
pub const MESSAGE_ID: &str = "ac4ef2bbc4654d40ac1091ac8ecdf662";
/// syslog's authpriv, and its notice.
const FACILITY: &str = "10";
const PRIORITY: &str = "5";
/// The longest change that is mirrored, in bytes; the row in the log has all of it.
const MAX_CHANGE: usize = 64 * 1024;
/// The longest of the other fields.
const MAX_FIELD: usize = 1024;
/// Rows in one go.
const ROWS: u64 = 256;

/// What follows the log.
pub(in crate::service) struct Mirror {
    journal: Journal,
    path: PathBuf,
    state: Mutex<State>,
    /// How often somebody wanted the log to be followed.
    wanted: AtomicU64,
}

#[derive(Default)]
struct State {
    /// `None` until the file was looked at.
    record: Option<Record>,
    /// Whether the file holds that.
    saved: bool,
    /// The last trouble that the log was told of.
    told: String,
}

impl Mirror {
    pub(in crate::service) fn new(journal: PathBuf, path: PathBuf) -> Self {
        Self {
            journal: Journal::new(journal),
            path,
            state: Mutex::default(),
            wanted: AtomicU64::new(0),
        }
    }

    /// Whether something is to be tried again.
    pub(in crate::service) fn is_behind(&self) -> bool {
        // Whoever follows the log at this moment tries by doing so.
        self.state.try_lock().is_ok_and(|state| !state.told.is_empty())
    }

    /// The rows that the log should hold, and what is wrong with the file that says so.
    pub(super) fn known(&self) -> (Vec<AuditHead>, Option<String>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = Vec::new();
        let mut add = |record: &Record| {
            for head in record.known() {
                if !known.contains(head) {
                    known.push(head.clone());
                }
            }
        };
        state.record.iter().for_each(&mut add);
        let place = self.path.display();
        let trouble = match Record::load(&self.path) {
            Ok(Some(record)) => {
                add(&record);
                None
            }
            Ok(None) if state.saved => Some(format!("{place} was removed")),
            Ok(None) => None,
            Err(error) => Some(format!("{place} cannot be read: {error}")),
        };
        (known, trouble)
    }

    fn send(&self, row: &AuditRow) -> io::Result<()> {
        match self.journal.send(&entry(row, MAX_CHANGE)) {
            // Larger than this host's sockets take.
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) =>
            {
                self.journal.send(&entry(row, MAX_FIELD))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let AuditRow { id, actor, actor_uid, via, action, subject, change, .. } = row;
                let change = cut(change, MAX_FIELD);
                tracing::info!(
                    id,
                    actor,
                    actor_uid,
                    via,
                    action,
                    subject,
                    change,
                    "account change"
                );
                Ok(())
            }
            other => other,
        }
    }
}

fn entry(row: &AuditRow, max_change: usize) -> JournalEntry {
    let AuditRow { id, at, actor_uid, actor, via, action, subject, subject_id, change, hash } = row;
    let short = |text: &str| cut(text, MAX_FIELD).to_owned();
    // Shown on terminals and written to text files.
    let message = format!("{actor}: {action} {subject}");
    let message: String = message.trim_end().escape_debug().take(MAX_FIELD).collect();
    let mut entry = JournalEntry::default();
    entry
        .field("MESSAGE", &message)
        .field("MESSAGE_ID", MESSAGE_ID)
        .field("PRIORITY", PRIORITY)
        .field("SYSLOG_FACILITY", FACILITY)
        .field("SYSLOG_IDENTIFIER", "rosterd")
        .field("ROSTER_AUDIT_ID", &id.to_string())
        .field("ROSTER_AUDIT_HASH", &short(hash))
        .field("ROSTER_AT", &accounts::Timestamp(*at).to_string())
        .field("ROSTER_ACTOR", &short(actor))
        .field("ROSTER_ACTOR_UID", &actor_uid.to_string())
        .field("ROSTER_VIA", &short(via))
        .field("ROSTER_ACTION", &short(action))
        .field("ROSTER_SUBJECT", &short(subject))
        .field("ROSTER_SUBJECT_ID", &short(subject_id));
    let shown = cut(change, max_change);
    entry.field("ROSTER_CHANGE", shown);
    if shown.len() < change.len() {
        entry.field("ROSTER_CHANGE_CUT", &change.len().to_string());
    }
    entry
}

/// At most so many bytes of a text.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

impl Service {
    /// Brings journal and file up to the log's end. Trouble is told once, and tried again with the
    /// next change.
    pub(in crate::service) fn mirror_audit(&self) {
        self.mirror.wanted.fetch_add(1, Ordering::SeqCst);
        loop {
            // Whoever follows already does it for this one too: after an import that takes long.
            let mut state = match self.mirror.state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(state)) => state.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            let wanted = self.mirror.wanted.load(Ordering::SeqCst);
            let trouble = match self.follow(&mut state) {
                Ok(()) => String::new(),
                Err(error) => error.to_string(),
            };
            if !trouble.is_empty() && trouble != state.told {
                tracing::error!("the audit log was not mirrored to its end: {trouble}");
            }
            state.told = trouble;
            drop(state);
            if self.mirror.wanted.load(Ordering::SeqCst) == wanted {
                return;
            }
        }
    }

    /// Reads a few rows by their numbers, where nobody's long list is waited for.
    fn follow(&self, state: &mut State) -> Result<(), Error> {
        let failed = |error: io::Error| Error::HostEffect(error.to_string());
        let head = self.read(|db| Ok(db.audit_end()?))?;
        let end = head.as_ref().map_or(0, |head| head.id);
        let record = match &mut state.record {
            Some(record) => record,
            none => none.insert(self.first_look(end)),
        };
        if let Some(known) = &record.head {
            let there = self.read(|db| Ok(db.audit_hash(known.id)?))?;
            if there.as_deref() != Some(&known.hash) {
                tracing::error!(
                    row = known.id,
                    end,
                    "the audit log does not hold a row that it held: it was tampered with, or the \
                     database is an older copy: roster audit verify tells more"
                );
                record.give_up_head();
                state.saved = false;
            }
        }
        record.journal = record.journal.min(end);
        let mut sent = Ok(());
        while sent.is_ok() && record.journal < end {
            let from = AuditFrom::After(record.journal);
            let filter = AuditFilter::default();
            let page = self.read(|db| Ok(db.audit_page(&filter, from, ROWS)?))?;
            if page.rows.is_empty() {
                break;
            }
            for row in page.rows {
                sent = self.mirror.send(&row);
                if sent.is_err() {
                    break;
                }
                record.journal = row.id;
                state.saved = false;
            }
        }
        if record.head != head {
            record.head = head;
            state.saved = false;
        }
        if !state.saved {
            record.save(&self.mirror.path).map_err(failed)?;
            state.saved = true;
        }
        sent.map_err(|error| Error::HostEffect(format!("the journal: {error}")))
    }

    /// What the file says at the start. Without one, the rows so far are taken as they are.
    fn first_look(&self, end: i64) -> Record {
        let path = &self.mirror.path;
        match Record::load(path) {
            Ok(Some(record)) => record,
            Ok(None) => Record { journal: end, ..Record::default() },
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "where the audit log ended is not known");
                Record { journal: end, ..Record::default() }
            }
        }
    }
}

#[cfg(test)]
mod tests;
