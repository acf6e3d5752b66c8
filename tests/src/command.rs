//! Running something in a machine and looking at what came of it.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a command may take unless [`Run::timeout`] says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// A command about to run in a machine. Nothing happens before [`Run::run`], [`Run::ok`] or
/// [`Run::fails`].
#[must_use = "the command has not run yet"]
pub struct Run {
    leader: u32,
    cgroup: Option<PathBuf>,
    argv: Vec<String>,
    stdin: Vec<u8>,
    timeout: Duration,
}

/// What a finished command left behind.
#[derive(Debug)]
pub struct Outcome {
    /// The command, for messages.
    pub command: String,
    /// Its exit status; 124 when its time ran out.
    pub status: i32,
    /// Standard output (bytes that are not UTF-8 replaced).
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Run {
    /// `leader` is the machine's first process as the host sees it, `cgroup` the directory that
    /// the command's process is put into, so that it belongs to the machine.
    pub(crate) fn new(leader: u32, cgroup: Option<PathBuf>, argv: Vec<String>) -> Run {
        Run { leader, cgroup, argv, stdin: Vec::new(), timeout: DEFAULT_TIMEOUT }
    }

    /// Gives the command this standard input; without it, it reads end of file.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Run {
        self.stdin = bytes.into();
        self
    }

    /// Ends the command after this time, with status 124.
    pub fn timeout(mut self, time: Duration) -> Run {
        self.timeout = time;
        self
    }

    /// Runs it, whatever comes of it.
    ///
    /// # Panics
    /// When it cannot be started at all.
    pub fn run(self) -> Outcome {
        match self.try_run() {
            Ok(outcome) => outcome,
            Err(error) => panic!("cannot run a command in the machine: {error}"),
        }
    }

    /// Runs it and insists on exit status 0.
    ///
    /// # Panics
    /// On any other status, with everything the command said.
    #[track_caller]
    pub fn ok(self) -> Outcome {
        let outcome = self.run();
        assert!(outcome.status == 0, "this should have succeeded: {outcome}");
        outcome
    }

    /// Runs it and insists on a refusal: any status but 0 and a time-out.
    ///
    /// # Panics
    /// When it succeeds, or does not end in time.
    #[track_caller]
    pub fn fails(self) -> Outcome {
        let outcome = self.run();
        assert!(outcome.status != 0 && outcome.status != 124, "this should have failed: {outcome}");
        outcome
    }

    /// Runs it and insists on this exit status.
    ///
    /// # Panics
    /// On any other status.
    #[track_caller]
    pub fn exits(self, status: i32) -> Outcome {
        let outcome = self.run();
        assert!(outcome.status == status, "this should have exited {status}: {outcome}");
        outcome
    }

    /// Output goes to files, not pipes: a background process that the command leaves behind would
    /// hold a pipe open.
    fn try_run(self) -> std::io::Result<Outcome> {
        let mut input = tempfile::tempfile()?;
        input.write_all(&self.stdin)?;
        input.seek(SeekFrom::Start(0))?;
        let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);

        // The shell joins the machine's control group before it becomes the command.
        let mut command = Command::new("sh");
        command.args(["-c", r#"[ -z "$1" ] || echo 0 >"$1/cgroup.procs"; shift; exec "$@""#, "sh"]);
        command.arg(self.cgroup.unwrap_or_default());
        command.args(["nsenter", "-a", "-t", &self.leader.to_string()]);
        command.args([
            "env",
            "-i",
            "-C",
            "/",
            "HOME=/root",
            "LANG=C.UTF-8",
            "TERM=xterm",
            "USER=root",
        ]);
        command.arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.args(["timeout", "-k", "2", &format!("{}", self.timeout.as_secs_f64())]);
        command.args(&self.argv);
        command.stdin(Stdio::from(input));
        command.stdout(Stdio::from(stdout.try_clone()?));
        command.stderr(Stdio::from(stderr.try_clone()?));

        let start = Instant::now();
        let status = command.status()?;
        Ok(Outcome {
            command: self.argv.join(" "),
            status: status.code().unwrap_or(-1),
            stdout: contents(&mut stdout)?,
            stderr: contents(&mut stderr)?,
            took: start.elapsed(),
        })
    }
}

fn contents(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    std::io::Read::read_to_end(file, &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Outcome {
    /// Whether it exited 0.
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// Standard output without the white space around it.
    pub fn line(&self) -> &str {
        self.stdout.trim()
    }

    /// Standard output and standard error together.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("this is not JSON ({error}): {self}"),
        }
    }

    /// Insists that standard output or standard error contains `text`.
    ///
    /// # Panics
    /// When neither does.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Outcome {
        assert!(self.all().contains(text), "this should have said {text:?}: {self}");
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Outcome { command, status, stdout, stderr, took } = self;
        write!(f, "{command}\nexit {status} after {took:.1?}\n--- stdout\n{stdout}")?;
        write!(f, "--- stderr\n{stderr}---")
    }
}
