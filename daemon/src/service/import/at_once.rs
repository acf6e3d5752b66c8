//! All records or none.

use std::io::{BufWriter, Seek, Write};
use std::sync::mpsc::{Receiver, sync_channel};

use super::bulk::Bulk;
use super::input::{Input, Lines, Next, cancelled};
use super::record::Purpose;
use super::{
    Fate, ImportOptions, Imported, MOST_REFUSALS, Observer, Parsed, Progress, is_of_record,
    next_piece, record, spool, too_long,
};
use crate::authorize::Grant;
use crate::publish::effect::Effect;
use crate::service::{Error, Plan, Service, plan, sudo};

/// Pieces that are parsed ahead.
const AHEAD: usize = 4;
/// Records between looks at the caller.
const STEP: u64 = 1024;

/// Records that the index is shown one by one; for more it is made anew.
const MOST_SHOWN_SINGLY: u64 = 20_000;

/// Pieces of records, in their order, or why there are no more.
type Pieces = Receiver<Result<Vec<Parsed>, Error>>;

impl Service {
    /// Creates the users of all records, or of none.
    pub(super) fn import_at_once(
        &self,
        grant: &Grant,
        input: Input,
        options: ImportOptions,
        observer: &dyn Observer,
    ) -> Result<Imported, Error> {
        let (copy, total) = self.copy(input, options, observer)?;
        let purpose = if grant.rehearses() { Purpose::Planning } else { Purpose::Writing };
        std::thread::scope(|scope| {
            let (sender, pieces) = sync_channel(AHEAD);
            scope.spawn(move || {
                let mut lines = Lines::new(copy, observer);
                loop {
                    let piece = next_piece(&mut lines, purpose).transpose();
                    let Some(piece) = piece else { break };
                    let failed = piece.is_err();
                    if sender.send(piece).is_err() || failed {
                        break;
                    }
                }
            });
            let publishing = || {
                let phase = "publishing";
                observer.progress(&Progress {
                    phase,
                    records: total,
                    total: Some(total),
                    failed: 0,
                });
            };
            let work = |bulk: &mut Bulk<'_>| {
                self.write_all(grant, bulk, options, observer, (pieces, total))
            };
            let too_many = total > MOST_SHOWN_SINGLY;
            let (imported, effects_failed) =
                self.in_bulk(grant.actor(), too_many, publishing, work)?;
            Ok(Imported { effects_failed, ..imported })
        })
    }

    /// Copies the input to where nobody can change it, and checks what can be checked without the
    /// store. Answers the copy, and how many records it holds.
    fn copy(
        &self,
        input: Input,
        options: ImportOptions,
        observer: &dyn Observer,
    ) -> Result<(Input, u64), Error> {
        let failed = |error: std::io::Error| {
            Error::Unavailable(format!("the records cannot be copied: {error}"))
        };
        let file = spool::unnamed(self.store_directory()).map_err(failed)?;
        let mut copy = BufWriter::with_capacity(64 * 1024, file);
        let mut lines = Lines::new(input, observer);
        let mut seen = Imported::default();
        loop {
            let refused = match lines.next()? {
                Next::Line(number, text) => {
                    // After a mistake only further mistakes are looked for.
                    if seen.failed == 0 {
                        copy.write_all(text).map_err(failed)?;
                        copy.write_all(b"\n").map_err(failed)?;
                    }
                    match record::read(number, text, Purpose::Checking) {
                        Ok(None) => continue,
                        Ok(Some(_)) => None,
                        Err(refusal) => Some(refusal),
                    }
                }
                Next::TooLong(number) => Some(too_long(number)),
                Next::Idle => continue,
                Next::End => break,
            };
            seen.records += 1;
            // A rehearsal that goes on tells of mistakes among the rest.
            if let Some(refusal) = refused {
                if options.continue_on_error {
                    copy.write_all(b"\n").map_err(failed)?;
                } else {
                    seen.refuse(refusal);
                }
            }
            if seen.records.is_multiple_of(STEP) {
                let (records, failed) = (seen.records, seen.failed);
                let phase = "checking";
                observer.progress(&Progress { phase, records, total: None, failed });
            }
        }
        if seen.failed > 0 {
            return Err(seen.into_error(true));
        }
        let mut file = copy.into_inner().map_err(|error| failed(error.into_error()))?;
        file.rewind().map_err(failed)?;
        Ok((Input::of(file), seen.records))
    }

    /// Writes every record, inside the transaction.
    fn write_all(
        &self,
        grant: &Grant,
        bulk: &mut Bulk<'_>,
        options: ImportOptions,
        observer: &dyn Observer,
        (pieces, total): (Pieces, u64),
    ) -> Result<Imported, Error> {
        let host = self.host_for_many()?;
        let rules_before = match bulk.rehearses() {
            true => sudo::rules_in_force(bulk.change.db, bulk.change.now)?,
            false => Vec::new(),
        };
        let (mut done, mut with_power) = (Imported::default(), 0_u64);
        for piece in pieces {
            if observer.is_cancelled() {
                return Err(cancelled());
            }
            for parsed in piece? {
                done.records += 1;
                let record = match parsed {
                    Ok(record) => record,
                    Err(refusal) => {
                        done.refuse(refusal);
                        continue;
                    }
                };
                let (line, power) = (record.line, record.gives_power());
                // In parts, so that one that fails leaves nothing to the next. Where one that fails
                // is the end of all, that would be dear for nothing.
                if options.continue_on_error {
                    bulk.change.db.begin_part()?;
                }
                let fate = self.import_one(grant, bulk, &host, options, record);
                if options.continue_on_error {
                    bulk.change.db.end_part(fate.is_ok())?;
                }
                match fate {
                    Ok(Fate::Created) => {
                        done.created += 1;
                        with_power += u64::from(power);
                    }
                    Ok(Fate::Skipped) => done.skipped += 1,
                    Err(error) if is_of_record(&error) => {
                        bulk.throw_away();
                        done.refuse(super::Refusal::new(line, &error));
                    }
                    Err(error) => return Err(error),
                }
            }
            // Nothing will come of it: it is only for telling more mistakes at once.
            if !options.continue_on_error && done.errors.len() >= MOST_REFUSALS {
                return Err(done.into_error(false));
            }
            let (phase, records, failed) = ("writing", done.records, done.failed);
            observer.progress(&Progress { phase, records, total: Some(total), failed });
        }
        if done.failed > 0 && !options.continue_on_error {
            return Err(done.into_error(true));
        }
        let said = serde_json::json!({ "records": done.records, "created": done.created,
            "skipped": done.skipped });
        bulk.audit("user-import", "", "", &said.to_string())?;
        if bulk.rehearses() {
            let effects = bulk.planned_effects()?;
            let described = effects
                .iter()
                .filter_map(|effect: &Effect| plan::describe(&self.host, effect, &rules_before));
            let described = described.collect();
            let changes = bulk.change.take_planned();
            let plan = Plan::new(String::new(), changes, described, weighed(&done, with_power));
            return Err(Error::Planned(Box::new(plan)));
        }
        Ok(done)
    }
}

/// What somebody should know before importing.
fn weighed(done: &Imported, with_power: u64) -> Vec<String> {
    let Imported { created, skipped, failed, errors, .. } = done;
    let mut weighed = vec![format!("{created} users would be created")];
    if *skipped > 0 {
        weighed.push(format!("{skipped} records would be left out: their users exist"));
    }
    if with_power > 0 {
        weighed.push(format!("{with_power} of them would get a role or sudo rules"));
    }
    if *failed > 0 {
        weighed.push(format!("{failed} lines would be left out, because they are wrong"));
    }
    weighed.extend(errors.iter().map(|error| format!("line {}: {}", error.line, error.message)));
    weighed
}
