//! What a whole index is made of, on its way from the store into the new file.
//!
//! Whoever reads the rows and whoever writes them down are two threads: at a million accounts each
//! has seconds of work. There are only so many rows between them at any time.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;

use snapshot::writer::{GroupEntry, UserEntry, WriteError};

use super::super::Error;
use super::super::administrators::OWN_GROUPS;
use super::unseen;
use crate::publish::index::Rebuild;

/// Rows that are handed over at once, at most.
const AT_ONCE: usize = 512;
/// Bytes of keys that are enough to be handed over, however few rows they are in.
const BYTES_AT_ONCE: usize = 256 * 1024;
/// Times that whoever reads may be ahead.
const AHEAD: usize = 2;

/// Something that the index shows. Groups come before their members.
#[derive(Debug)]
pub(super) enum Row {
    /// A group, without its members.
    Group { name: String, gid: u32, external: bool },
    /// A member of a group that came before.
    Member { gid: u32, name: String },
    /// A user of ours in a group of /etc/group: all of a group one after the other, and after all of
    /// ours, which have precedence.
    HostMember { group: String, gid: u32, name: String },
    /// A user, and the numbers of Roster's own groups that it is in.
    User { entry: Box<UserEntry>, own: Vec<u32> },
}

impl Row {
    /// About what it holds beyond what every row does, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::User { entry, .. } => entry.keys.iter().map(|key| key.line.len()).sum(),
            _ => 0,
        }
    }
}

/// Where whoever reads puts the rows.
pub(super) struct Rows {
    sender: SyncSender<Vec<Row>>,
    /// What has been written. It is freed by the thread that has allocated it: with each of a million
    /// rows in another, the two would spend their time waiting for each other in malloc.
    written: Receiver<Vec<Row>>,
    gathered: Vec<Row>,
    bytes: usize,
}

impl Rows {
    /// The next row.
    ///
    /// # Errors
    /// When nobody writes any more: there is no sense in reading on.
    pub(super) fn put(&mut self, row: Row) -> Result<(), Error> {
        self.bytes += row.bytes();
        self.gathered.push(row);
        if self.gathered.len() < AT_ONCE && self.bytes < BYTES_AT_ONCE {
            return Ok(());
        }
        self.hand_over()
    }

    fn hand_over(&mut self) -> Result<(), Error> {
        self.bytes = 0;
        let mut empty = self.written.try_recv().unwrap_or_default();
        empty.clear();
        let gathered = std::mem::replace(&mut self.gathered, empty);
        self.sender.send(gathered).map_err(|_| Error::Unavailable("writing has ended".into()))
    }
}

/// Writes what `read` puts into the rows, while it reads on. Answers whether something had to be left
/// out.
///
/// # Errors
/// What `read` says; when something cannot be written.
pub(super) fn write_beside(
    new: &mut Rebuild,
    read: impl FnOnce(&mut Rows) -> Result<(), Error>,
) -> Result<bool, Error> {
    let (sender, handed_over) = sync_channel::<Vec<Row>>(AHEAD);
    let (done, written) = channel();
    thread::scope(|scope| {
        let write = move || {
            let mut writing = Writing { new, host_group: None, left_out: false };
            for rows in handed_over {
                rows.iter().try_for_each(|row| writing.write(row))?;
                // Nobody takes the last ones, when all is read.
                let _ = done.send(rows);
            }
            Ok::<_, Error>(writing.left_out)
        };
        let writing = thread::Builder::new().name("index".into()).spawn_scoped(scope, write);
        let writing = writing.map_err(|error| {
            Error::Unavailable(format!("no thread for the account index: {error}"))
        })?;
        let mut rows = Rows { sender, written, gathered: Vec::new(), bytes: 0 };
        let read = read(&mut rows).and_then(|()| rows.hand_over());
        drop(rows);
        // Reading ends where writing failed, and that is the reason to tell.
        let left_out = writing.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        read.map(|()| left_out)
    })
}

/// Whoever writes.
struct Writing<'r> {
    new: &'r mut Rebuild,
    /// The group of /etc/group whose members come now, and whether it is shown.
    host_group: Option<(String, u32, bool)>,
    left_out: bool,
}

impl Writing<'_> {
    fn write(&mut self, row: &Row) -> Result<(), Error> {
        match row {
            Row::Group { name, gid, external } => self.group(name, *gid, *external),
            Row::Member { gid, name } => self.new.member(*gid, name),
            Row::HostMember { group, gid, name } => self.host_member(group, *gid, name),
            Row::User { entry, own } => own
                .iter()
                .try_for_each(|gid| self.new.member(*gid, &entry.name))
                .and_then(|()| self.new.user(entry)),
        }
        .map_err(|error| unseen(&error))
    }

    fn group(&mut self, name: &str, gid: u32, external: bool) -> Result<(), WriteError> {
        self.new.group(&GroupEntry { name: name.to_owned(), gid, members: Vec::new(), external })
    }

    fn host_member(&mut self, group: &str, gid: u32, name: &str) -> Result<(), WriteError> {
        let shown = match &self.host_group {
            Some((before, number, shown)) if before == group => shown.then_some(*number),
            _ => {
                let shown = self.host_group(group, gid)?;
                self.host_group = Some((group.to_owned(), gid, shown));
                shown.then_some(gid)
            }
        };
        shown.map_or(Ok(()), |gid| self.new.member(gid, name))
    }

    /// Begins a group of /etc/group, and says whether its members are to be shown in it.
    fn host_group(&mut self, group: &str, gid: u32) -> Result<bool, WriteError> {
        let is_own = OWN_GROUPS.contains(&group);
        let added = match self.group(group, gid, true) {
            _ if is_own => false,
            Ok(()) => true,
            Err(WriteError::Duplicate { .. }) => false,
            Err(error) => return Err(error),
        };
        if !added {
            tracing::warn!(
                group,
                gid,
                "users joined this group of /etc/group, and another one has its name or number by \
                 now: they are not shown in it; roster user sync reconciles them"
            );
            self.left_out = true;
        }
        Ok(added)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::ffi::CString;

    use snapshot::{Kind, Reader};

    use super::*;
    use crate::publish::index::{Publisher, Sizes};

    /// Several times what is between the two at any time.
    const MANY: u32 = 5 * (AT_ONCE * AHEAD) as u32;

    fn group(n: u32) -> Row {
        Row::Group { name: format!("g{n}"), gid: 3000 + n, external: false }
    }

    #[test]
    fn every_row_arrives_in_its_order() {
        let dir = tempfile::tempdir().unwrap();
        let (live, checkpoint) = (dir.path().join("run"), dir.path().join("checkpoint"));
        let mut publisher = Publisher::new(&live, &checkpoint);
        let mut new = publisher.begin(&Sizes::default()).unwrap();
        let left_out = write_beside(&mut new, |rows| {
            (0..MANY).try_for_each(|n| {
                rows.put(group(n))?;
                rows.put(Row::Member { gid: 3000 + n, name: format!("m{n}") })
            })
        });
        assert!(!left_out.unwrap());
        publisher.finish(new, 7).unwrap();
        let path = CString::new(live.join("index").into_os_string().into_encoded_bytes()).unwrap();
        let owner = rustix::process::geteuid().as_raw();
        let reader = Reader::open(&path, Kind::Index, owner).unwrap();
        let gids: Vec<u32> = reader.index().groups().map(|group| group.gid()).collect();
        assert_eq!(gids, (3000..3000 + MANY).collect::<Vec<_>>());
        let last = reader.index().group_by_gid(2999 + MANY).unwrap();
        let members: Vec<&[u8]> = last.members().collect();
        assert_eq!(members, [format!("m{}", MANY - 1).as_bytes()]);
    }

    #[test]
    fn many_keys_are_not_kept_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let publisher = Publisher::new(&dir.path().join("run"), &dir.path().join("checkpoint"));
        let mut new = publisher.begin(&Sizes::default()).unwrap();
        write_beside(&mut new, |rows| {
            let key = |n| snapshot::writer::KeyEntry {
                line: format!("ssh-ed25519 {}{n}", "A".repeat(10_000)),
                expires_at: None,
            };
            for n in 0..100 {
                let entry = UserEntry {
                    name: format!("u{n}"),
                    uid: 3000 + n,
                    gid: 3000,
                    home: "/home".into(),
                    shell: "/bin/sh".into(),
                    keys: (0..3).map(key).collect(),
                    ..UserEntry::default()
                };
                rows.put(Row::User { entry: Box::new(entry), own: Vec::new() })?;
                assert!(rows.bytes < BYTES_AT_ONCE && rows.gathered.len() < 10);
            }
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn what_fails_ends_both_and_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let publisher = Publisher::new(&dir.path().join("run"), &dir.path().join("checkpoint"));
        let mut new = publisher.begin(&Sizes::default()).unwrap();
        let mut read = 0;
        let failed = write_beside(&mut new, |rows| {
            rows.put(Row::Member { gid: 1, name: "of-no-group".into() })?;
            (0..=u32::MAX).try_for_each(|n| {
                read = n;
                rows.put(group(n))
            })
        });
        let failed = failed.unwrap_err().to_string();
        assert!(failed.contains("of-no-group"), "{failed}");
        assert!(read < MANY, "{read} rows were read in vain");

        let mut new = publisher.begin(&Sizes::default()).unwrap();
        let failed = write_beside(&mut new, |rows| {
            rows.put(group(0))?;
            Err(Error::Unavailable("the disk is gone".into()))
        });
        assert!(failed.unwrap_err().to_string().contains("the disk is gone"));
    }
}
