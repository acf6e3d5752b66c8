//! The caller's editor, on a file that nobody else can read or replace.

use std::fs;
use std::io::{IsTerminal as _, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Error;

/// Longer than any form.
const LIMIT: u64 = 1024 * 1024;
/// Debian's choice of an editor, where somebody made one.
const CHOSEN: &str = "/usr/bin/sensible-editor";
const TERMINAL: &str = "/dev/tty";

/// A file to edit; it goes when this is dropped.
pub struct Editor {
    directory: TempDir,
    file: PathBuf,
    command: String,
}

impl Editor {
    /// A file of that name, in a directory of its own.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn open(name: &str) -> Result<Self, Error> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let place = runtime.filter(|path| path.is_absolute() && path.is_dir());
        let place = place.unwrap_or_else(|| PathBuf::from("/tmp"));
        let directory = tempfile::Builder::new()
            .prefix("roster-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(&place)
            .map_err(|error| failed(&place, &error))?;
        let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let name: String = name.chars().filter(|c| harmless(*c)).take(64).collect();
        let file = directory.path().join(format!("{name}.toml"));
        Ok(Self { directory, file, command: command() })
    }

    /// Shows a text in the editor; what it is when the editor has ended.
    ///
    /// # Errors
    /// `cancelled` when the editor fails, and when what it left cannot be read.
    pub async fn edit(&self, text: &str) -> Result<String, Error> {
        fs::write(&self.file, text)
            .and_then(|()| fs::set_permissions(&self.file, fs::Permissions::from_mode(0o600)))
            .map_err(|error| failed(&self.file, &error))?;
        // The terminal's keys are the editor's while it runs.
        let keys = [SignalKind::interrupt(), SignalKind::quit()].map(signal);
        // VISUAL and EDITOR may hold arguments; the shell takes them apart, as git and crontab do.
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("{} \"$1\"", self.command), "editor"]).arg(&self.file);
        // A pipe is for the password or the answer: the editor is shown where the caller sits.
        if !std::io::stdin().is_terminal()
            && let Ok(terminal) = fs::File::open(TERMINAL)
        {
            shell.stdin(terminal);
        }
        if !std::io::stdout().is_terminal()
            && let Ok(terminal) = fs::OpenOptions::new().write(true).open(TERMINAL)
        {
            shell.stdout(terminal);
        }
        let ended = shell.status().await;
        for key in keys.into_iter().flatten() {
            give_back(key);
        }
        let ended = ended.map_err(|error| failed(Path::new("/bin/sh"), &error))?;
        if !ended.success() {
            let message = format!(
                "the editor ({}) ended with {ended}: nothing was changed; set EDITOR for another",
                self.command
            );
            return Err(Error::refused("cancelled", message));
        }
        let mut text = String::new();
        fs::File::open(&self.file)
            .and_then(|file| file.take(LIMIT + 1).read_to_string(&mut text))
            .map_err(|error| failed(&self.file, &error))?;
        if text.len() as u64 > LIMIT {
            return Err(Error::Local("the form is longer than 1 MiB".to_owned()));
        }
        Ok(text)
    }

    /// Leaves the file behind, and says where.
    pub fn keep(self) {
        let Self { directory, file, .. } = self;
        let _ = directory.keep();
        eprintln!("roster: your form is kept: {}", file.display());
    }
}

/// The editor that the caller's environment names, or the system's.
fn command() -> String {
    let named = ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|command| !command.trim().is_empty()));
    named.unwrap_or_else(|| {
        let chosen = Path::new(CHOSEN).exists();
        if chosen { CHOSEN } else { "vi" }.to_owned()
    })
}

/// From now on the key ends this process again.
fn give_back(mut key: Signal) {
    tokio::spawn(async move {
        // What came while the editor ran was meant for it.
        while let Ok(Some(())) =
            tokio::time::timeout(std::time::Duration::from_millis(1), key.recv()).await
        {}
        if key.recv().await.is_some() {
            std::process::exit(130);
        }
    });
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Local(format!("{}: {error}", path.display()))
}
