//! Records as they come, a few at a time, without those that are wrong.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use super::bulk::Bulk;
use super::input::{Input, Lines, cancelled};
use super::record::Purpose;
use super::{Fate, ImportOptions, Imported, Observer, Parsed, Progress, is_of_record, next_piece};
use crate::authorize::Grant;
use crate::service::local_accounts::LocalAccounts;
use crate::service::{Error, Service};

/// Records of one transaction.
const BATCH: usize = 1000;
/// How long a batch waits for more records once it has one.
const GATHERING: Duration = Duration::from_millis(50);
/// Pieces that are parsed ahead.
const AHEAD: usize = 4;
/// What the host's files say is read again after so long.
const HOST_LASTS: Duration = Duration::from_secs(5);
/// Others get their turn at the store: a mutex is not fair.
const TURN: Duration = Duration::from_millis(2);

impl Service {
    /// Creates the users of the records that are right.
    pub(super) fn import_in_batches(
        &self,
        grant: &Grant,
        input: Input,
        options: ImportOptions,
        observer: &dyn Observer,
    ) -> Result<Imported, Error> {
        let mut done = Imported::default();
        let ended = self.write_batches(grant, input, options, observer, &mut done);
        // However it has ended: what is committed is there.
        let said = serde_json::json!({ "records": done.records, "created": done.created,
            "skipped": done.skipped, "failed": done.failed });
        let audited =
            self.change(grant.actor(), |change| change.audit("user-import", "", "", &said));
        match ended {
            Ok(()) => audited.map(|()| done),
            Err(error) => Err(after(error, done.created)),
        }
    }

    fn write_batches(
        &self,
        grant: &Grant,
        input: Input,
        options: ImportOptions,
        observer: &dyn Observer,
        done: &mut Imported,
    ) -> Result<(), Error> {
        std::thread::scope(|scope| {
            let (sender, pieces) = sync_channel(AHEAD);
            scope.spawn(move || {
                let mut lines = Lines::new(input, observer);
                loop {
                    let piece = next_piece(&mut lines, Purpose::Writing).transpose();
                    let Some(piece) = piece else { break };
                    let failed = piece.is_err();
                    if sender.send(piece).is_err() || failed {
                        break;
                    }
                }
            });
            let mut host = (self.host_for_many()?, Instant::now());
            let mut over = false;
            while !over {
                let mut batch: Vec<Parsed> = Vec::with_capacity(BATCH);
                let mut until: Option<Instant> = None;
                while batch.len() < BATCH {
                    let patience = until.map_or(Duration::from_secs(1), |until| {
                        until.saturating_duration_since(Instant::now())
                    });
                    match pieces.recv_timeout(patience) {
                        Ok(piece) => batch.extend(piece?),
                        Err(RecvTimeoutError::Timeout) if until.is_none() => {}
                        Err(RecvTimeoutError::Timeout) => break,
                        Err(RecvTimeoutError::Disconnected) => {
                            over = true;
                            break;
                        }
                    }
                    until.get_or_insert_with(|| Instant::now() + GATHERING);
                }
                if observer.is_cancelled() {
                    return Err(cancelled());
                }
                if batch.is_empty() {
                    continue;
                }
                if host.1.elapsed() > HOST_LASTS {
                    host = (self.host_for_many()?, Instant::now());
                }
                self.write_batch(grant, &host.0, options, batch, done)?;
                let (phase, records, failed) = ("writing", done.records, done.failed);
                observer.progress(&Progress { phase, records, total: None, failed });
                std::thread::sleep(TURN);
            }
            Ok(())
        })
    }

    fn write_batch(
        &self,
        grant: &Grant,
        host: &LocalAccounts,
        options: ImportOptions,
        batch: Vec<Parsed>,
        done: &mut Imported,
    ) -> Result<(), Error> {
        // What fails as a whole has not happened, and is not counted.
        let mut of_batch = done.clone();
        let work = |bulk: &mut Bulk<'_>| {
            for parsed in batch {
                of_batch.records += 1;
                let record = match parsed {
                    Ok(record) => record,
                    Err(refusal) => {
                        of_batch.refuse(refusal);
                        continue;
                    }
                };
                let line = record.line;
                bulk.change.db.begin_part()?;
                let fate = self.import_one(grant, bulk, host, options, record);
                bulk.change.db.end_part(fate.is_ok())?;
                match fate {
                    Ok(Fate::Created) => of_batch.created += 1,
                    Ok(Fate::Skipped) => of_batch.skipped += 1,
                    Err(error) if is_of_record(&error) => {
                        bulk.throw_away();
                        of_batch.refuse(super::Refusal::new(line, &error));
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        let ((), failures) = self.in_bulk(grant.actor(), false, || {}, work)?;
        of_batch.effects_failed += failures;
        *done = of_batch;
        Ok(())
    }
}

/// The same error, which says that not everything was left undone.
fn after(error: Error, created: u64) -> Error {
    if created == 0 {
        return error;
    }
    let message = format!("{created} users were created before this: {error}");
    match error {
        Error::InvalidField(mut fields) => {
            for field in &mut fields.0 {
                field.message = format!("{} ({created} users were created before)", field.message);
            }
            Error::InvalidField(fields)
        }
        _ => Error::Unavailable(message),
    }
}
