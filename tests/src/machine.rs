//! A throwaway Debian, booted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::cgroup::ControlGroup;
use crate::command::Run;
use crate::error::{Error, on};
use crate::roots;

/// How long a boot or an orderly stop may take before the machine is given up.
const BOOT_LIMIT: Duration = Duration::from_secs(90);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Where the machine sees the directory with the package.
const PACKAGE_DIR: &str = "/opt/roster-package";

/// A booted Debian under its own systemd. Dropping it stops it and removes what it wrote; when the
/// test has failed, its journal is printed first.
pub struct Machine {
    name: String,
    folder: PathBuf,
    lower: Vec<PathBuf>,
    /// Folders of the host that it sees, read-only, and where.
    folders: Vec<(PathBuf, String)>,
    cgroup: ControlGroup,
    running: Option<Running>,
}

struct Running {
    nspawn: Child,
    leader: u32,
}

impl Machine {
    /// Boots a Debian on which the package has been installed. The name is for messages.
    ///
    /// # Errors
    /// When the roots cannot be made or the machine does not come up.
    pub fn boot(name: &str) -> Result<Machine, Error> {
        Machine::over(name, roots::installed()?, package_folder()?)
    }

    /// Boots a Debian that has never seen the package.
    ///
    /// # Errors
    /// As [`Machine::boot`].
    pub fn plain(name: &str) -> Result<Machine, Error> {
        Machine::over(name, vec![roots::plain()?], package_folder()?)
    }

    /// Boots a Debian made of systemd and these packages, comma-separated, which sees `folder` of the
    /// host at `place`, read-only. The package under test need not be built.
    ///
    /// # Errors
    /// As [`Machine::boot`].
    pub fn of(name: &str, packages: &str, folder: &Path, place: &str) -> Result<Machine, Error> {
        let folders = vec![(folder.to_owned(), place.to_owned())];
        Machine::over(name, vec![roots::debian(&[packages])?], folders)
    }

    fn over(
        name: &str,
        lower: Vec<PathBuf>,
        folders: Vec<(PathBuf, String)>,
    ) -> Result<Machine, Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static SWEPT: Once = Once::new();
        SWEPT.call_once(remove_leftovers);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = roots::cache().join(format!("run-{name}-{}-{number}", std::process::id()));
        for part in ["upper", "work", "root"] {
            let path = folder.join(part);
            on(format!("create {}", path.display()), fs::create_dir_all(&path))?;
        }
        let cgroup = on("find the control groups", ControlGroup::new(&folder))?;
        let name = name.to_owned();
        let mut machine = Machine { name, folder, lower, folders, cgroup, running: None };
        machine.start()?;
        Ok(machine)
    }

    /// Boots the machine, which must be stopped, and waits until systemd says it is up.
    ///
    /// # Errors
    /// [`Error::NotBooted`] after [`BOOT_LIMIT`].
    pub fn start(&mut self) -> Result<(), Error> {
        on("make a control group", self.cgroup.make())?;
        let lower: Vec<String> = self.lower.iter().map(|path| path.display().to_string()).collect();
        let overlay = format!(
            "lowerdir={},upperdir={},workdir={}",
            lower.join(":"),
            self.folder.join("upper").display(),
            self.folder.join("work").display()
        );
        let console = on("create the console's file", fs::File::create(self.console()))?;
        let errors = on("share the console's file", console.try_clone())?;

        // The overlay is mounted in a mount namespace of its own and vanishes with the machine. All of
        // it lives in one process namespace, which dies with this thread, even if that is killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork"]);
        command.args(["--kill-child", "--mount-proc", "sh", "-ec"]);
        command.arg(
            r#"echo 0 >"$1/cgroup.procs"; mount -t overlay overlay -o "$2" "$3"; shift 3; exec "$@""#,
        );
        command.arg("sh").arg(&self.cgroup.path).arg(&overlay).arg(self.folder.join("root"));
        command.args(["systemd-nspawn", "--quiet", "--boot", "--private-network"]);
        command.args(["--register=no", "--keep-unit", "--console=pipe", "--hostname=debian"]);
        command.arg(format!("--machine={}", self.host_name()));
        command.arg("-D").arg(self.folder.join("root"));
        for (folder, place) in &self.folders {
            command.arg(format!("--bind-ro={}:{place}", folder.display()));
        }
        // systemd of trixie refuses the old hierarchy, whichever one the host has.
        command.env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
        command.stdin(Stdio::null()).stdout(Stdio::from(console)).stderr(Stdio::from(errors));
        let nspawn = on("start systemd-nspawn", command.spawn())?;

        let mut running = Running { nspawn, leader: 0 };
        let deadline = Instant::now() + BOOT_LIMIT;
        while !running.is_up() {
            let exited = on("watch systemd-nspawn", running.nspawn.try_wait())?.is_some();
            if exited || Instant::now() > deadline {
                running.kill();
                return Err(Error::NotBooted(
                    fs::read_to_string(self.console()).unwrap_or_default(),
                ));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.running = Some(running);
        Ok(())
    }

    /// Shuts the machine down in good order; what it wrote stays.
    ///
    /// # Errors
    /// When the host cannot wait for it.
    pub fn stop(&mut self) -> Result<(), Error> {
        if self.running.is_none() {
            return Ok(());
        }
        self.sh("systemctl poweroff").run();
        if let Some(mut running) = self.running.take() {
            let deadline = Instant::now() + STOP_LIMIT;
            while on("wait for the machine's end", running.nspawn.try_wait())?.is_none() {
                if Instant::now() > deadline {
                    running.kill();
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    /// Stops and boots it again.
    ///
    /// # Errors
    /// As [`Machine::start`].
    pub fn reboot(&mut self) -> Result<(), Error> {
        self.stop()?;
        self.start()
    }

    /// Kills everything in it at once, and boots it again. The page cache is the host's, so this is
    /// a crash of all processes, not a loss of power.
    ///
    /// # Errors
    /// As [`Machine::start`].
    pub fn crash(&mut self) -> Result<(), Error> {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
        self.cgroup.remove();
        self.start()
    }

    /// A program with its arguments, as root.
    pub fn command<I, S>(&self, argv: I) -> Run
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let argv = argv.into_iter().map(Into::into).collect();
        match &self.running {
            Some(running) => Run::new(running.leader, self.cgroup.for_commands(), argv),
            None => panic!("the machine {} is stopped", self.name),
        }
    }

    /// Where the host sees the running machine's file systems, those in memory too.
    pub fn root(&self) -> PathBuf {
        match &self.running {
            Some(running) => PathBuf::from(format!("/proc/{}/root", running.leader)),
            None => panic!("the machine {} is stopped", self.name),
        }
    }

    /// A shell script, as root.
    pub fn sh(&self, script: &str) -> Run {
        self.command(["sh", "-c", script])
    }

    /// A shell script with the ids of `user` and no PAM in between: a caller without privileges.
    pub fn run_as(&self, user: &str, script: &str) -> Run {
        let become_user = r#"exec setpriv --reuid="$(id -u "$1")" --regid="$(id -g "$1")" \
            --init-groups --reset-env -- sh -c "$2""#;
        self.command(["sh", "-c", become_user, "sh", user, script])
    }

    /// The `roster` command, as root.
    pub fn roster<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        self.command(std::iter::once("roster").chain(arguments))
    }

    /// An expect script, for what insists on a terminal. It has ten seconds for each answer.
    pub fn expect(&self, script: &str) -> Run {
        self.command(["expect", "-c", &format!("set timeout 10\n{script}")])
    }

    /// Installs the package under test, or installs it again.
    pub fn install(&self) -> Run {
        // Not --no-download: apt then looks for the file in its own archive.
        let install = format!(
            "DEBIAN_FRONTEND=noninteractive apt-get install --yes --reinstall {PACKAGE_DIR}/roster_*.deb"
        );
        self.command(["sh", "-c", &install]).timeout(Duration::from_secs(180))
    }

    /// Writes a file, which then belongs to root with mode 0644.
    ///
    /// # Panics
    /// When the machine cannot write it.
    pub fn write(&self, path: &str, contents: &str) {
        self.command(["sh", "-c", r#"umask 022; cat >"$1""#, "sh", path]).stdin(contents).ok();
    }

    /// Root's password on every machine.
    pub fn root_password(&self) -> &'static str {
        roots::ROOT_PASSWORD
    }

    /// Leaves a person on a root shell in the machine until they exit it.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub fn shell(&self) -> Result<(), Error> {
        let Some(running) = &self.running else { return Ok(()) };
        let mut command = Command::new("nsenter");
        command.args(["-a", "-t", &running.leader.to_string()]);
        command.args([
            "env",
            "-i",
            "-C",
            "/root",
            "HOME=/root",
            "LANG=C.UTF-8",
            "TERM=xterm",
            "USER=root",
        ]);
        command.arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        on("start a shell", command.arg("bash").status())?;
        Ok(())
    }

    /// Stops the machine for good and hands over what it wrote.
    pub(crate) fn into_layer(mut self) -> Result<PathBuf, Error> {
        self.stop()?;
        let layer = roots::cache().join(format!("layer-{}", std::process::id()));
        on("keep what the machine wrote", fs::rename(self.folder.join("upper"), &layer))?;
        Ok(layer)
    }

    /// What the host calls it: systemd-nspawn keeps directories by this name.
    fn host_name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn console(&self) -> PathBuf {
        self.folder.join("console")
    }

    fn report(&self) {
        let journal = self.sh("journalctl --no-pager --boot | tail -n 120").run();
        eprintln!("=== the journal of {}\n{}", self.name, journal.stdout);
    }
}

/// The directory of the package under test, and where a machine sees it.
fn package_folder() -> Result<Vec<(PathBuf, String)>, Error> {
    let package = roots::package()?;
    let folder = package.parent().map(|folder| (folder.to_owned(), PACKAGE_DIR.to_owned()));
    Ok(folder.into_iter().collect())
}

/// Removes the directories of machines whose process was killed before it could do so itself.
fn remove_leftovers() {
    for entry in fs::read_dir(roots::cache()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix("run-").and_then(|name| name.rsplit('-').nth(1));
        let gone = |pid: &str| !Path::new("/proc").join(pid).exists();
        if owner.is_some_and(gone) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Running {
    /// Finds the machine's first process, then asks it. It is process 1 where it lives, and so is
    /// systemd-nspawn above it.
    fn is_up(&mut self) -> bool {
        let first = |parent: u32| children(parent).into_iter().find(|pid| is_first_process(*pid));
        let Some(leader) = first(self.nspawn.id()).and_then(first) else { return false };
        self.leader = leader;
        // "degraded" is up as well: the test will see which unit it was.
        let state = Run::new(leader, None, vec!["systemctl".into(), "is-system-running".into()]);
        matches!(state.run().line(), "running" | "degraded")
    }

    fn kill(&mut self) {
        // What was started is `unshare --kill-child`, so everything below it dies too.
        let _ = self.nspawn.kill();
        let _ = self.nspawn.wait();
    }
}

fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().flat_map(str::parse).collect()
}

fn is_first_process(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("NSpid:") && line.ends_with("\t1"))
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() && self.running.is_some() {
            self.report();
        }
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
        self.cgroup.remove();
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} stays behind: {error}", self.folder.display());
        }
    }
}
