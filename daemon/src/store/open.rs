//! Opening the database: where it lies, how it is set up, and when it is refused.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::readers::Readers;
use super::{Store, StoreError, migrate};

/// `application_id` of our databases: "RSTR".
const APPLICATION_ID: i64 = 0x5253_5452;
/// The first SQLite without the WAL-reset bug.
const OLDEST_SQLITE: i32 = 3_051_003;
/// What the writing connection may remember of the file, in KiB: the upper pages of every tree of a
/// million users.
const CACHE_KIB: i32 = 16 * 1024;
/// What the log may keep of the disk, in bytes, once what it held is in the database: after a large
/// import it would stay as long as that was. Four times what it grows to in everyday use.
const MOST_LOG: i64 = 16 << 20;

impl Store {
    /// Opens, or on the first start creates, the database in `directory`, and migrates it.
    ///
    /// # Errors
    /// When the directory or a file is not the daemon's alone, or the database is damaged, not
    /// ours, or newer than this program: it is then left as it is.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(StoreError::Unusable(format!("SQLite {} is too old", rusqlite::version())));
        }
        prepare_directory(directory)?;
        let path = directory.join("roster.db");
        prepare_file(&path)?;
        let mut connection = connect(&path)?;
        check_owner(&connection)?;
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -{CACHE_KIB};
             PRAGMA journal_size_limit = {MOST_LOG};"
        ))?;
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
        if verdict != "ok" {
            return Err(StoreError::Unusable(format!("it is damaged: {verdict}")));
        }
        migrate::migrate(&mut connection)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        settle_log(&connection);
        connection.set_prepared_statement_cache_capacity(128);
        let readers = Arc::new(Readers::new(path));
        Ok(Self { connection, readers })
    }

    /// Whether there is no database in `directory`: no file, or an empty one, which SQLite would
    /// begin anew.
    #[must_use]
    pub fn is_missing(directory: &Path) -> bool {
        match std::fs::symlink_metadata(directory.join("roster.db")) {
            Ok(meta) => meta.len() == 0,
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        }
    }

    /// Moves what the log holds into the database file, for whoever copies that file alone.
    pub fn settle(&self) {
        settle_log(&self.connection);
    }
}

/// Opens the file for connections of this process alone: SQLite's "unix-excl" locks the others out
/// for good, and keeps what the connections share in memory of ours.
pub(super) fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Connection::open_with_flags_and_vfs(path, flags, c"unix-excl")
}

/// A new database would otherwise be an empty file with everything in its log, and pass for a new
/// one again if the log were lost. Failing (a full disk) loses nothing: the log goes on.
fn settle_log(connection: &Connection) {
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(%error, "the log of the account database was not moved into it");
    }
}

/// Refuses a database of another program before anything is written to it.
fn check_owner(connection: &Connection) -> Result<(), StoreError> {
    let id: i64 =
        connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(unreadable)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(unreadable)?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        Ok(())
    } else {
        Err(StoreError::Unusable("it belongs to another program".into()))
    }
}

/// A file that SQLite cannot make sense of will not get better; a full disk will.
fn unreadable(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) | None => {
            StoreError::Unusable(error.to_string())
        }
        Some(_) => StoreError::Sqlite(error),
    }
}

/// Makes the store's directory, or checks that it is the daemon's alone.
///
/// # Errors
/// When it is not, or cannot be made.
pub fn prepare_directory(directory: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::Files(directory.display().to_string(), error);
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => sync_parent(directory).map_err(failed)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let meta = std::fs::symlink_metadata(directory).map_err(failed)?;
    let own = rustix::process::geteuid().as_raw();
    if !meta.is_dir() || meta.uid() != own || meta.mode() & 0o077 != 0 {
        return Err(StoreError::Unusable(format!(
            "{} must be a directory of the daemon's own, mode 0700",
            directory.display()
        )));
    }
    Ok(())
}

/// Makes the file with its mode before SQLite does, which would use the umask.
fn prepare_file(path: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::Files(path.display().to_string(), error);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            file.sync_all().map_err(failed)?;
            sync_parent(path).map_err(failed)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let meta = std::fs::symlink_metadata(path).map_err(failed)?;
            if !meta.is_file() || meta.permissions().mode() & 0o077 != 0 {
                return Err(StoreError::Unusable(format!(
                    "{} must be a regular file, mode 0600",
                    path.display()
                )));
            }
            Ok(())
        }
        Err(error) => Err(failed(error)),
    }
}

fn sync_parent(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_are_the_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("store");
        let _store = Store::open(&place).unwrap();
        assert_eq!(std::fs::metadata(&place).unwrap().mode() & 0o777, 0o700);
        for entry in std::fs::read_dir(&place).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn the_database_file_is_whole_without_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        let read = |sql: &str| {
            let copy = dir.path().join("copy.db");
            std::fs::copy(dir.path().join("store/roster.db"), &copy).unwrap();
            let copy = Connection::open(&copy).unwrap();
            copy.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        let id = read("PRAGMA application_id");
        assert_eq!(id, APPLICATION_ID, "known as ours from the start on");
        store.connection.pragma_update(None, "user_version", 77).unwrap();
        assert_ne!(read("PRAGMA user_version"), 77, "so far in the log alone");
        store.settle();
        assert_eq!(read("PRAGMA user_version"), 77);
    }

    #[test]
    fn the_log_gives_back_what_a_large_change_took() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&dir.path().join("store")).unwrap();
        let length = || dir.path().join("store/roster.db-wal").metadata().unwrap().len() as i64;
        let transaction = store.connection.transaction().unwrap();
        transaction.execute_batch("CREATE TABLE large (x)").unwrap();
        for _ in 0..3 {
            transaction.execute("INSERT INTO large VALUES (randomblob(?1))", [MOST_LOG]).unwrap();
        }
        transaction.commit().unwrap();
        assert!(length() > 3 * MOST_LOG, "{} bytes are not large", length());
        store.connection.pragma_update(None, "user_version", 77).unwrap();
        assert!(length() <= MOST_LOG, "{} bytes", length());
    }

    #[test]
    fn other_processes_are_kept_out() {
        const OURS: &str = "ROSTER_TEST_DATABASE";
        if let Some(path) = std::env::var_os(OURS) {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
            let plain = Connection::open_with_flags(&path, flags).unwrap();
            for connection in [plain, connect(Path::new(&path)).unwrap()] {
                connection.busy_timeout(std::time::Duration::ZERO).unwrap();
                let read = connection.query_row("SELECT count(*) FROM users", [], |_| Ok(()));
                let code = read.unwrap_err().sqlite_error_code();
                assert_eq!(code, Some(ErrorCode::DatabaseBusy));
            }
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&dir.path().join("store")).unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        let count = |db: crate::store::Db<'_>| db.count_users();
        assert_eq!(store.readers().read(until, count).unwrap(), 0, "ours may");
        let other = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::open::tests::other_processes_are_kept_out"])
            .env(OURS, dir.path().join("store/roster.db"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&other.stdout);
        assert!(other.status.success() && said.contains("1 passed"), "{said}");
        assert_eq!(store.read(count).unwrap(), 0);
    }

    #[test]
    fn an_open_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("store");
        std::fs::create_dir(&place).unwrap();
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(Store::open(&place), Err(StoreError::Unusable(_))));
    }

    #[test]
    fn a_damaged_database_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("store");
        drop(Store::open(&place).unwrap());
        let path = place.join("roster.db");
        for bytes in [vec![0xa5; 8192], b"not a database, and longer than a header".repeat(50)] {
            std::fs::write(&path, &bytes).unwrap();
            assert!(Store::open(&place).is_err());
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn another_programs_database_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("store");
        drop(Store::open(&place).unwrap());
        let path = place.join("roster.db");
        std::fs::remove_file(&path).unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE t (x); PRAGMA application_id = 7").unwrap();
        drop(other);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(Store::open(&place), Err(StoreError::Unusable(_))));
    }
}
