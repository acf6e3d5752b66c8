//! Opening the store so that no number is given out twice, whatever has become of the database.
//!
//! The database knows the numbers that were used, but it may be an older backup of itself, or gone.
//! So the journal of numbers beside it, and the index that was published last, are asked too.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use snapshot::{Kind, Reader};

use crate::config::Places;
use crate::store::{NumberJournal, Numbers, Store, StoreError};

/// With this file beside it, a missing database is begun afresh although there were accounts.
const BEGIN_AFRESH: &str = "begin-afresh";

/// Opens the store, and has it know every number that was ever given out.
///
/// # Errors
/// As [`Store::open`]; and when the database is missing although there were accounts: beginning
/// with none in its place is for an administrator to say.
pub(super) fn open_store(places: &Places) -> Result<Store, StoreError> {
    let journal = NumberJournal::new(&places.numbers);
    let noted = journal.load()?;
    let mut known = noted.clone();
    for directory in [&places.checkpoint, &places.live] {
        published(&directory.join("index"), &mut known);
    }
    let leave = places.store.join(BEGIN_AFRESH);
    let missing = Store::is_missing(&places.store);
    if missing && !known.is_empty() && !leave.exists() {
        let database = places.store.join("roster.db");
        return Err(StoreError::Unusable(format!(
            "{database} is missing, but there were accounts, and lookups still show them. Put a \
             backup there and restart rosterd; or, to begin with no accounts at all: \
             touch {leave} && systemctl restart rosterd",
            database = database.display(),
            leave = leave.display()
        )));
    }
    let mut store = Store::open(&places.store)?;
    let used = store.read(|db| db.used_numbers())?;
    let lost = known.beyond(&used);
    if !lost.is_empty() {
        let numbers = lost.count();
        tracing::warn!(
            numbers,
            "the account database does not know numbers that were given out, as an older backup \
             would; they stay used"
        );
        store.change(|db| db.use_numbers(&lost))?;
    }
    known.extend(&used);
    journal.append(&known.beyond(&noted))?;
    if missing
        && let Err(error) = std::fs::remove_file(&leave)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(StoreError::Files(leave.display().to_string(), error));
    }
    Ok(store)
}

/// Adds the numbers of the users and groups of ours that an index shows. None, when it cannot be
/// read.
fn published(index: &Path, numbers: &mut Numbers) {
    let Ok(path) = CString::new(index.as_os_str().as_bytes()) else { return };
    let own = rustix::process::geteuid().as_raw();
    let Ok(reader) = Reader::open(&path, Kind::Index, own) else { return };
    let index = reader.index();
    numbers.uids.extend(index.users().map(|user| user.uid()));
    let groups = index.groups().filter(|group| !group.is_external());
    numbers.gids.extend(groups.map(|group| group.gid()));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use crate::authorize::Action;
    use crate::service::testing::{Fixture, subject};
    use crate::service::{DeleteOptions, Error};

    fn uid_of_new(f: &Fixture, name: &str) -> (u32, u32) {
        let user = f.create(json!({ "name": name })).unwrap().user;
        (user.uid, user.gid)
    }

    fn journal(f: &Fixture) -> String {
        std::fs::read_to_string(f.path("numbers")).unwrap()
    }

    /// Takes everything away that is not the database but knows numbers.
    fn forget(f: &Fixture, files: &[&str]) {
        for file in files {
            std::fs::remove_file(f.path(file)).unwrap();
        }
    }

    const INDEXES: [&str; 2] = ["run/index", "checkpoint/index"];

    #[test]
    fn a_restored_backup_gives_no_number_out_again() {
        for without in
            [&[][..], &INDEXES, &["numbers", "run/index"], &["numbers", "checkpoint/index"]]
        {
            let f = Fixture::new();
            assert_eq!(uid_of_new(&f, "alice"), (3000, 3000));
            let (database, backup) = (f.path("store/roster.db"), f.path("backup.db"));
            f.service.settle();
            std::fs::copy(&database, &backup).unwrap();
            assert_eq!(uid_of_new(&f, "bob"), (3001, 3001));
            assert_eq!(uid_of_new(&f, "carol"), (3002, 3002));
            f.service.checkpoint_index().unwrap();
            forget(&f, without);
            let f = f.restarted_after(|| {
                std::fs::copy(&backup, &database).unwrap();
                for log in ["roster.db-wal", "roster.db-shm"] {
                    let _ = std::fs::remove_file(database.with_file_name(log));
                }
            });
            f.service.user(&subject("alice")).unwrap();
            assert!(matches!(f.service.user(&subject("bob")), Err(Error::NoSuchUser(_))));
            assert!(matches!(f.create(json!({"name": "x", "uid": 3001})), Err(Error::IdInUse(_))));
            assert_eq!(uid_of_new(&f, "dora"), (3003, 3003), "{without:?}");
        }
    }

    #[test]
    fn numbers_of_deleted_users_are_noted_too() {
        let f = Fixture::new();
        f.service.settle();
        std::fs::copy(f.path("store/roster.db"), f.path("backup.db")).unwrap();
        uid_of_new(&f, "alice");
        let grant = f.root(Action::UserDelete, Some("alice"));
        f.service.delete_user(&grant, &subject("alice"), DeleteOptions::default()).unwrap();
        assert_eq!(journal(&f), "u 3000\ng 3000\n");
        let (database, backup) = (f.path("store/roster.db"), f.path("backup.db"));
        let f = f.restarted_after(|| std::fs::copy(&backup, &database).map(|_| ()).unwrap());
        assert_eq!(uid_of_new(&f, "bob"), (3001, 3001));
    }

    #[test]
    fn what_was_used_before_there_was_a_journal_gets_into_it() {
        let f = Fixture::new();
        uid_of_new(&f, "alice");
        forget(&f, &["numbers"]);
        let f = f.restarted();
        assert_eq!(journal(&f), "u 3000\ng 3000\n");
        let f = f.restarted();
        assert_eq!(journal(&f), "u 3000\ng 3000\n", "once");
    }

    #[test]
    fn a_number_that_cannot_be_noted_is_not_given_out() {
        let f = Fixture::new();
        uid_of_new(&f, "alice");
        let aside = f.path("numbers.aside");
        std::fs::rename(f.path("numbers"), &aside).unwrap();
        std::fs::create_dir(f.path("numbers")).unwrap();
        assert!(matches!(f.create(json!({"name": "bob"})), Err(Error::Unavailable(_))));
        assert!(matches!(f.service.user(&subject("bob")), Err(Error::NoSuchUser(_))));
        std::fs::remove_dir(f.path("numbers")).unwrap();
        std::fs::rename(&aside, f.path("numbers")).unwrap();
        assert_eq!(uid_of_new(&f, "bob"), (3001, 3001));
    }

    fn lose_database(f: Fixture) -> Fixture {
        let store = f.path("store");
        f.restarted_after(|| {
            for entry in std::fs::read_dir(&store).unwrap() {
                let path = entry.unwrap().path();
                if path.file_name().unwrap().to_str().unwrap().starts_with("roster.db") {
                    std::fs::remove_file(path).unwrap();
                }
            }
        })
    }

    #[test]
    fn a_missing_database_is_not_begun_afresh_by_itself() {
        for without in [&[][..], &INDEXES, &["numbers"]] {
            let f = Fixture::new();
            uid_of_new(&f, "alice");
            f.service.settle();
            std::fs::copy(f.path("store/roster.db"), f.path("backup.db")).unwrap();
            forget(&f, without);
            let f = lose_database(f);
            let refused = f.create(json!({"name": "bob"})).unwrap_err();
            assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
            let said = refused.to_string();
            assert!(
                said.contains("roster.db is missing") && said.contains("begin-afresh"),
                "{said}"
            );
            // And not by trying again either.
            f.service.recover().unwrap();
            assert!(f.create(json!({"name": "bob"})).is_err());
            assert!(!f.path("store/roster.db").exists(), "{without:?}");
            assert_eq!(f.path("run/index").exists(), without != INDEXES, "the last index serves");
            let (database, backup) = (f.path("store/roster.db"), f.path("backup.db"));
            let f = f.restarted_after(|| {
                std::fs::copy(&backup, &database).unwrap();
                let only_ours = std::os::unix::fs::PermissionsExt::from_mode(0o600);
                std::fs::set_permissions(&database, only_ours).unwrap();
            });
            f.service.user(&subject("alice")).unwrap();
            uid_of_new(&f, "bob");
        }
    }

    #[test]
    fn an_empty_file_in_the_databases_place_is_a_missing_database() {
        let f = Fixture::new();
        uid_of_new(&f, "alice");
        let database = f.path("store/roster.db");
        let f = lose_database(f);
        let f = f.restarted_after(|| {
            std::fs::write(&database, "").unwrap();
            let only_ours = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&database, only_ours).unwrap();
        });
        assert!(matches!(f.create(json!({"name": "bob"})), Err(Error::Unavailable(_))));
    }

    #[test]
    fn beginning_afresh_is_said_once_and_keeps_the_numbers() {
        let f = Fixture::new();
        uid_of_new(&f, "alice");
        let leave = f.path("store/begin-afresh");
        let f = lose_database(f);
        let f = f.restarted_after(|| std::fs::write(&leave, "").unwrap());
        assert!(matches!(f.service.user(&subject("alice")), Err(Error::NoSuchUser(_))));
        assert!(!leave.exists());
        assert_eq!(uid_of_new(&f, "bob"), (3001, 3001));
        let f = lose_database(f);
        assert!(f.create(json!({"name": "carol"})).is_err());
    }
}
