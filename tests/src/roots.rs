//! The Debian roots below the machines: one per release, and one with the package installed on top.
//!
//! Both are made once and kept, under a name that changes with what they are made of.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Machine;
use crate::error::{Error, on};

/// What a plain server has, and what the suites drive it with.
const PACKAGES: &str = "systemd-sysv,dbus,libpam-systemd,libnss-systemd,polkitd,\
    openssh-server,openssh-client,sudo,cron,passwd,login,procps,iproute2,netbase,\
    expect,sshpass,oathtool,pamtester,python3-minimal,samba-common-bin,pkexec,\
    libnss-wrapper,systemd-tests";

/// The tests of the Python that the release has, by whatever name its version gives the package.
const PYTHON_TESTS: &str = r"?name(^libpython3\.[0-9]+-testsuite$)";

/// The root password of every machine; there is no way in from outside.
pub(crate) const ROOT_PASSWORD: &str = "the root password of a throwaway machine";

/// What an installer does at the end: a root password, a name, the locale's file that PAM reads.
const CUSTOMIZE: &str = "echo 'root:the root password of a throwaway machine' \
    | chroot \"$1\" chpasswd; echo debian >\"$1/etc/hostname\"; \
    printf '127.0.0.1 localhost\\n127.0.1.1 debian\\n' >\"$1/etc/hosts\"; \
    echo LANG=C.UTF-8 >\"$1/etc/default/locale\"";

/// The Debian release under test: `ROSTER_E2E_SUITE`, or `bookworm`.
pub fn suite() -> String {
    std::env::var("ROSTER_E2E_SUITE").unwrap_or_else(|_| "bookworm".to_owned())
}

/// The checkout that this crate was built from.
fn checkout() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// Where roots and overlays lie.
pub(crate) fn cache() -> PathBuf {
    match std::env::var_os("ROSTER_E2E_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => checkout().join("target/e2e"),
    }
}

/// The package under test, `target/debian/roster_*.deb`.
///
/// # Errors
/// [`Error::NoPackage`] unless there is exactly one.
pub fn package() -> Result<PathBuf, Error> {
    let folder = checkout().join("target/debian");
    let found: Vec<PathBuf> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .collect();
    match found.as_slice() {
        [package] => Ok(package.clone()),
        _ => Err(Error::NoPackage(folder)),
    }
}

/// The plain Debian root of the release under test, built at the first call.
pub(crate) fn plain() -> Result<PathBuf, Error> {
    debian(&[PACKAGES, PYTHON_TESTS])
}

/// A Debian root of the release under test with these packages, built at the first call. Each item is
/// a comma-separated list, or a pattern of apt's.
pub(crate) fn debian(packages: &[&str]) -> Result<PathBuf, Error> {
    let suite = suite();
    let name = format!("{suite}-{:016x}", hash(&(packages, CUSTOMIZE)));
    made_once(&name, |folder| {
        let mut command = Command::new("mmdebstrap");
        command.args(["--mode=root", "--variant=minbase", "--format=directory", "--quiet"]);
        command.args(packages.iter().map(|names| format!("--include={names}")));
        // A test root need not be fresh, and a mirror that stands still is fine.
        command.arg("--aptopt=Acquire::Check-Valid-Until \"false\"");
        command.arg(format!("--customize-hook={CUSTOMIZE}"));
        program(command.arg(&suite).arg(folder))
    })
}

/// The overlay directories of a Debian with Roster installed and running, lowest last.
pub(crate) fn installed() -> Result<Vec<PathBuf>, Error> {
    let package = package()?;
    let bytes = on(format!("read {}", package.display()), fs::read(&package))?;
    let name =
        format!("{}-roster-{:016x}", suite(), hash(&(PACKAGES, PYTHON_TESTS, CUSTOMIZE, bytes)));
    let layer = made_once(&name, |folder| {
        let machine = Machine::plain("installing")?;
        let outcome = machine.install().run();
        if !outcome.success() {
            return Err(Error::Program("installing the package".to_owned(), outcome.to_string()));
        }
        let upper = machine.into_layer()?;
        on("keep the installed layer", fs::rename(upper, folder))
    })?;
    Ok(vec![layer, plain()?])
}

/// Makes `cache()/name` with `make` unless it is there; processes and threads that want the same one
/// wait for the first. Roots of other makings stay, `target` is there to be cleaned.
fn made_once(name: &str, make: impl FnOnce(&Path) -> Result<(), Error>) -> Result<PathBuf, Error> {
    let cache = cache();
    on(format!("create {}", cache.display()), fs::create_dir_all(&cache))?;
    let lock = on("open the lock of a root", fs::File::create(cache.join(format!("{name}.lock"))))?;
    on("lock a root", lock.lock())?;

    let finished = cache.join(name);
    if !finished.exists() {
        let unfinished = cache.join(format!("{name}.new"));
        if unfinished.exists() {
            on("remove an unfinished root", fs::remove_dir_all(&unfinished))?;
        }
        make(&unfinished)?;
        on("name a finished root", fs::rename(&unfinished, &finished))?;
    }
    Ok(finished)
}

/// Runs a program of the host to its end.
pub(crate) fn program(command: &mut Command) -> Result<(), Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = on(format!("run {name} (tests/run.sh installs it)"), command.output())?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Error::Program(name, String::from_utf8_lossy(&said).into_owned()))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
