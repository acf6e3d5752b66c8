//! `roster import`.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal as _, PipeReader, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bus::Dictionary;
use bus::names::IMPORT;
use clap::Args;
use serde_json::{Map, Value, json};
use zbus::Variant;

use crate::error::Error;
use crate::output::{Answer, View, printable};
use crate::session::{Options, Session, to_record};

/// What is imported, and how.
#[derive(Debug, Args)]
pub struct Import {
    /// The records, one JSON object a line, in the fields of `roster schema user` that `roster user
    /// create` can set; `-` for standard input. Passwords are not imported
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Leave out the lines that are wrong, instead of importing nothing; exit status 1 if any is.
    /// Changes and logins get a turn meanwhile, and it takes up to four times as long
    #[arg(long)]
    continue_on_error: bool,
    /// Leave out records whose name a user has already, whatever else they say
    #[arg(long)]
    skip_existing: bool,
    /// Ask for the right to manage sudo too, for records with roles, sudo rules or powerful groups
    #[arg(long)]
    with_sudo: bool,
    /// Show progress although standard error is no terminal, a line each time
    #[arg(long)]
    progress: bool,
}

impl Import {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let input = self.open()?;
        let mut options = Options::new();
        for (name, given) in [
            ("continue_on_error", self.continue_on_error),
            ("skip_existing", self.skip_existing),
            ("with_sudo", self.with_sudo),
        ] {
            if given {
                options.insert(name, true.into());
            }
        }
        // Given in any case: the daemon ends an import whose caller has closed it.
        let (heard, told) = std::io::pipe().map_err(|error| Error::Local(error.to_string()))?;
        let told: OwnedFd = told.into();
        options.insert("report", Variant::Fd(told.into()));
        let meter = Meter::start(heard, self.progress);
        let call = (zbus::wire::OwnedFd::from(input), options);
        let imported = session.call_on::<_, Dictionary>(IMPORT, "ImportUsers", &call).await;
        meter.end();
        answer(to_record(&imported?)?)
    }

    fn open(&self) -> Result<OwnedFd, Error> {
        let place = self.file.display();
        let unreadable =
            |error: std::io::Error| Error::Local(format!("{place} cannot be read: {error}"));
        if self.file.as_os_str() != "-" {
            return File::open(&self.file).map(OwnedFd::from).map_err(unreadable);
        }
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            let message = "standard input is a terminal: name a file, or pipe the records in";
            return Err(Error::Usage(message.to_owned()));
        }
        stdin.as_fd().try_clone_to_owned().map_err(unreadable)
    }
}

/// What was done, for programs whole, for people in a sentence, and the wrong lines as a remark.
fn answer(mut imported: Map<String, Value>) -> Result<Answer, Error> {
    // The bus carries no empty list.
    for error in imported.entry("errors").or_insert(json!([])).as_array_mut().into_iter().flatten()
    {
        if error["fields"].is_null() {
            error["fields"] = json!([]);
        }
    }
    let imported = Value::Object(imported);
    let count = |name: &str| imported[name].as_u64().unwrap_or_default();
    let users = |number| if number == 1 { "1 user".to_owned() } else { format!("{number} users") };
    let mut said = format!("Imported {}.", users(count("created")));
    let skipped = count("skipped");
    if skipped > 0 {
        said.push_str(&format!(" Left alone, because they exist: {}.", users(skipped)));
    }
    let (failed, homes) = (count("failed"), count("effects_failed"));
    let mut remarks = Vec::new();
    if failed > 0 {
        let lines =
            if failed == 1 { "1 line is wrong" } else { &format!("{failed} lines are wrong") };
        remarks.push(format!("roster: {lines}, and was left out:"));
        let errors = imported["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        remarks.extend(errors.iter().map(|error| {
            let message = error["message"].as_str().unwrap_or_default();
            format!("  line {}: {}", error["line"], printable(message))
        }));
        if failed > errors.len() as u64 {
            remarks.push(format!("  and {} more", failed - errors.len() as u64));
        }
    }
    if homes > 0 {
        remarks.push(format!(
            "roster: {homes} changes of the host, such as home directories, failed: the daemon's log \
             says why; it tries them again when it is restarted"
        ));
    }
    let answer = Answer::new(imported, View::Text(said.into()));
    if remarks.is_empty() {
        return Ok(answer);
    }
    Ok(answer.with_note(remarks.join("\n")).negative())
}

/// Shows how far the daemon is, on standard error.
struct Meter {
    over: Arc<AtomicBool>,
    /// Held while something is written.
    shown: Arc<Mutex<bool>>,
}

impl Meter {
    fn start(heard: PipeReader, wanted: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let (over, shown) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(false)));
        let meter = Self { over: Arc::clone(&over), shown: Arc::clone(&shown) };
        let listen = move || {
            for line in BufReader::new(heard).lines().map_while(Result::ok) {
                let Some(text) = sentence(&line).filter(|_| terminal || wanted) else { continue };
                let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
                if over.load(Ordering::SeqCst) {
                    return;
                }
                // A terminal's line is written over; whoever reads a file wants a line each.
                let text = if terminal { format!("\r{text}\x1b[K") } else { format!("{text}\n") };
                let _ = std::io::stderr().write_all(text.as_bytes());
                *shown = terminal;
            }
        };
        // Without a thread there is no progress to be seen, and nothing else is missing.
        let _ = std::thread::Builder::new().spawn(listen);
        meter
    }

    /// Takes the line away.
    fn end(self) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        self.over.store(true, Ordering::SeqCst);
        if *shown {
            let _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

/// What the daemon says of its progress, for people.
fn sentence(line: &str) -> Option<String> {
    let progress: Value = serde_json::from_str(line).ok()?;
    let (records, failed) = (progress["records"].as_u64()?, progress["failed"].as_u64()?);
    let doing = match progress["phase"].as_str()? {
        "checking" => "Checking",
        "writing" => "Writing",
        "publishing" => "Publishing",
        _ => return None,
    };
    let of = match progress["total"].as_u64() {
        Some(total) if total > 0 => format!(" of {total} ({} %)", 100 * records / total),
        _ => String::new(),
    };
    let wrong = if failed > 0 { format!(", {failed} wrong") } else { String::new() };
    Some(format!("{doing}: {records}{of}{wrong}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::output::Format;

    #[test]
    fn progress_is_a_sentence() {
        for (line, said) in [
            (r#"{"phase":"checking","records":7,"failed":0}"#, Some("Checking: 7")),
            (
                r#"{"phase":"writing","records":5,"total":10,"failed":2}"#,
                Some("Writing: 5 of 10 (50 %), 2 wrong"),
            ),
            ("\u{1b}[2J", None),
            (r#"{"phase":"\u001b[2J","records":5,"failed":0}"#, None),
        ] {
            assert_eq!(sentence(line).as_deref(), said, "{line}");
        }
    }

    #[test]
    fn wrong_lines_are_a_remark_and_an_exit_status() {
        let fields = json!({"records": 4, "created": 1, "skipped": 1, "failed": 2,
            "effects_failed": 0, "errors": [{"line": 3, "code": "x", "message": "no\u{1b}[2J"}]});
        let answer = answer(fields.as_object().unwrap().clone()).unwrap();
        assert_eq!(answer.exit_code(), 1);
        let text = answer.render(Format::Table, None);
        assert_eq!(text.as_str(), "Imported 1 user. Left alone, because they exist: 1 user.\n");
        let note = answer.note(Format::Table).unwrap();
        assert!(note.contains("line 3: no\\u{1b}[2J") && note.contains("and 1 more"), "{note}");
        let json: Value = serde_json::from_str(&answer.render(Format::Json, None)).unwrap();
        assert_eq!(json["errors"][0]["fields"], json!([]));
    }
}
