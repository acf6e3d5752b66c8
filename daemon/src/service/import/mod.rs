//! Importing users: many records, a line each, all or none of them.
//!
//! A record goes the way of a single creation, by the same code: [`UserFields::read`]
//! (accounts::UserFields::read) checks its fields, [`Service::plan`] what it needs, and
//! [`Service::write_new`] writes it. What differs is what surrounds it ([`bulk`]), so that neither
//! memory nor the time for a record grows with their number.
//!
//! All or none: the input is copied and its fields are checked while nothing is held. Then one
//! transaction reads the copy, a thread parsing ahead. Changes and the bookkeeping of logins wait
//! for that transaction; reads and lookups do not. Otherwise each few records are a transaction of
//! their own, as they come, and everybody gets a turn between them.
//!
//! Nobody is mailed a welcome, and the host is not searched for what others have left under each name.

mod at_once;
mod batches;
mod bulk;
mod input;
mod record;
mod spool;

#[cfg(test)]
mod tests;

use accounts::{Code, FieldErrors};
use serde::Serialize;

pub use input::{Input, open_input};
pub use record::Refusal;

use self::bulk::Bulk;
use self::input::{Lines, Next};
use self::record::{Purpose, Record};
use super::administrators::need;
use super::local_accounts::LocalAccounts;
use super::{Error, Service};
use crate::authorize::{Action, Grant};
use crate::store::UserKey;

/// Refused lines that are told of one by one.
const MOST_REFUSALS: usize = 100;
/// Records that are parsed ahead in one piece, and how long their lines may be together.
const PIECE: (usize, usize) = (250, 1024 * 1024);

/// How records are imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Lines that are refused are left out, instead of everything.
    pub continue_on_error: bool,
    /// A record whose name a user of ours has is left out, whatever else it says.
    pub skip_existing: bool,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Imported {
    /// Records that there were.
    pub records: u64,
    /// Users that were created.
    pub created: u64,
    /// Records whose user is there already.
    pub skipped: u64,
    /// Lines that were refused.
    pub failed: u64,
    /// The first of those.
    pub errors: Vec<Refusal>,
    /// Effects on the host, such as homes, that failed. They are tried again when the daemon starts.
    pub effects_failed: u64,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What is done at the moment: `checking`, `writing`, `publishing`.
    pub phase: &'static str,
    /// Records that this phase has behind it.
    pub records: u64,
    /// Records that there are, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Lines that were refused.
    pub failed: u64,
}

/// Who waits for an import.
pub trait Observer: Sync {
    /// Hears how far it is, often: this must not take long.
    fn progress(&self, progress: &Progress);
    /// Whether nobody waits any more: then it ends, and what is not committed has not happened.
    fn is_cancelled(&self) -> bool;
}

/// What comes of a record.
enum Fate {
    Created,
    Skipped,
}

impl Imported {
    fn refuse(&mut self, refusal: Refusal) {
        self.failed += 1;
        if self.errors.len() < MOST_REFUSALS {
            self.errors.push(refusal);
        }
    }

    /// The refusal of everything because of the lines that are wrong.
    fn into_error(self, looked_on: bool) -> Error {
        let mut fields = FieldErrors::default();
        let mut right = None;
        let told = self.errors.len() as u64;
        for Refusal { line, code, message, fields: wrong } in self.errors {
            for error in &wrong.0 {
                let field = match error.field.as_str() {
                    "record" => format!("line {line}"),
                    field => format!("line {line}: {field}"),
                };
                fields.add(&field, error.code, error.message.as_str());
            }
            if wrong.is_empty() {
                fields.add(&format!("line {line}"), Code::Invalid, message.as_str());
            }
            if code == "not_authorized" {
                right.get_or_insert_with(|| format!("line {line}: {message}"));
            }
        }
        if !looked_on {
            let message = "and perhaps more: it was not looked further";
            fields.0.extend(FieldErrors::one("lines", Code::Invalid, message).0);
        } else if self.failed > told {
            let message = format!("and {} more are wrong", self.failed - told);
            fields.0.extend(FieldErrors::one("lines", Code::Invalid, message).0);
        }
        match right {
            Some(message) => Error::NotAuthorized(message),
            None => Error::InvalidField(fields),
        }
    }
}

impl Service {
    /// Creates the users that an input lists.
    ///
    /// # Errors
    /// The lines that are wrong, and what is wrong with them, up to a hundred: nothing is created
    /// then. What the input's limits are; that an import is under way; that the caller has gone. With
    /// `continue_on_error` what was created before one of those stays.
    pub fn import_users(
        &self,
        grant: &Grant,
        input: Input,
        options: ImportOptions,
        observer: &dyn Observer,
    ) -> Result<Imported, Error> {
        need(grant, Action::UserCreate, None)?;
        let Ok(_under_way) = self.importing.try_lock() else {
            let message = "another import is under way: wait until it has ended";
            return Err(Error::AlreadyInState(message.to_owned()));
        };
        if options.continue_on_error && !grant.rehearses() {
            self.import_in_batches(grant, input, options, observer)
        } else {
            self.import_at_once(grant, input, options, observer)
        }
    }

    /// Has the journal hear of what was imported, which may take as long as the import.
    pub fn follow_import(&self) {
        self.mirror_audit();
    }

    /// The host as it is now, for many records.
    fn host_for_many(&self) -> Result<LocalAccounts, Error> {
        let mut host = LocalAccounts::read_for_many(&self.config.places)
            .map_err(|error| Error::Unavailable(format!("the host's account files: {error}")))?;
        host.next = self.floors.next();
        Ok(host)
    }

    /// Creates the user of one record.
    fn import_one(
        &self,
        grant: &Grant,
        bulk: &mut Bulk<'_>,
        host: &LocalAccounts,
        options: ImportOptions,
        record: Record,
    ) -> Result<Fate, Error> {
        let Record { line, fields, audited, shown } = record;
        let db = bulk.change.db;
        if options.skip_existing
            && let Some(name) = &fields.name
            && db.user(UserKey::Name(name.as_str()))?.is_some()
        {
            return Ok(Fate::Skipped);
        }
        let plan = self.plan(db, host, &fields, false, FieldErrors::default())?;
        let row = self.write_new(grant, &mut bulk.change, host, &fields, plan)?;
        bulk.change.announce(super::EventKind::Added, row.uid, row.name.as_str());
        bulk.put_away()?;
        bulk.plan(row.name.as_str(), row.uid, shown);
        let audited = bulk::audited(line, row.uid, &audited);
        bulk.audit("user-create", row.name.as_str(), &row.id.to_string(), &audited)?;
        Ok(Fate::Created)
    }
}

/// Whether an error is about the record, and not about everything.
const fn is_of_record(error: &Error) -> bool {
    match error {
        Error::NotAuthorized(_)
        | Error::Immutable(_)
        | Error::AlreadyInState(_)
        | Error::HomeDirectory(_)
        | Error::HostEffect(_) => true,
        error => error.fields().is_some(),
    }
}

/// A line, parsed or refused.
type Parsed = Result<Record, Refusal>;

/// The next few lines, parsed: fewer when no more come at the moment; `None` at the end.
fn next_piece(lines: &mut Lines<'_>, purpose: Purpose) -> Result<Option<Vec<Parsed>>, Error> {
    let (mut piece, mut bytes) = (Vec::with_capacity(PIECE.0), 0);
    while piece.len() < PIECE.0 && bytes < PIECE.1 {
        match lines.next()? {
            Next::Line(number, text) => {
                bytes += text.len();
                match record::read(number, text, purpose) {
                    Ok(Some(record)) => piece.push(Ok(record)),
                    Ok(None) => {}
                    Err(refusal) => piece.push(Err(refusal)),
                }
            }
            Next::TooLong(number) => piece.push(Err(too_long(number))),
            Next::Idle if piece.is_empty() => {}
            Next::Idle => break,
            Next::End if piece.is_empty() => return Ok(None),
            Next::End => break,
        }
    }
    Ok(Some(piece))
}

fn too_long(line: u64) -> Refusal {
    let message = format!("is longer than {} KiB", input::MAX_LINE / 1024);
    Refusal::of(line, Code::TooLong, &message)
}
