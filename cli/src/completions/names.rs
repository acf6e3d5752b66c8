//! The names that a word may be completed to. A shell waits for them, so each question has a short
//! deadline, starts no daemon and asks nobody for a password. Whoever may not ask the daemon for
//! lists gets the names that NSS shows to everybody.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use bus::names::{INTERFACE, LIFECYCLE, PATH, QUERY, SERVICE};
use bus::{Dictionary, from_dictionary};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use zbus::proxy::MethodFlags;
use zbus::wire::DynamicDeserialize;
use zbus::{DynamicType, Proxy};

use crate::output::printable;
use crate::session::Options;

/// How long a shell may be kept waiting for one source of names.
const PATIENCE: Duration = Duration::from_millis(300);
/// More would be of no use at a prompt.
const MOST: usize = 200;
/// What is read of NSS at most, in bytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// The sources of names, for one command line.
#[derive(Debug)]
pub struct Names {
    words: Vec<String>,
}

impl Names {
    /// For the words of that command line.
    pub fn new(words: &[OsString]) -> Self {
        Self { words: words.iter().map(|word| word.to_string_lossy().into_owned()).collect() }
    }

    /// Users of Roster.
    pub fn users(&self, begun: &str) -> Vec<String> {
        let filters = json!([["name", "^", begun]]).to_string();
        let answer = wait(async {
            let options =
                Options::from([("select", vec!["name"].into()), ("limit", (MOST as u64).into())]);
            let body = (filters.as_str(), options);
            let (.., users): (u64, u64, u64, Vec<Dictionary>) =
                ask(QUERY, "QueryUsers", &body).await?;
            Some(named(&users))
        });
        chosen(answer.or_else(|| from_nss("passwd", begun)).unwrap_or_default(), begun)
    }

    /// Users that were deleted and can be restored.
    pub fn deleted(&self, begun: &str) -> Vec<String> {
        let answer = wait(async {
            let options = Options::from([("limit", (MOST as u64 * 5).into())]);
            let (_, users): (u64, Vec<Dictionary>) =
                ask(LIFECYCLE, "ListDeletedUsers", &(options,)).await?;
            Some(named(&users))
        });
        chosen(answer.unwrap_or_default(), begun)
    }

    /// Groups of Roster.
    pub fn groups(&self, begun: &str) -> Vec<String> {
        let answer = wait(async {
            let mut options = Options::from([("limit", (MOST as u64 * 5).into())]);
            if !begun.is_empty() {
                options.insert("search", begun.into());
            }
            let (_, groups): (u64, Vec<Dictionary>) =
                ask(INTERFACE, "ListGroups", &(options,)).await?;
            Some(named(&groups))
        });
        chosen(answer.or_else(|| from_nss("group", begun)).unwrap_or_default(), begun)
    }

    /// Groups of Roster and of /etc/group.
    pub fn any_groups(&self, begun: &str) -> Vec<String> {
        let local = std::fs::read_to_string("/etc/group").unwrap_or_default();
        let local = local.lines().filter_map(|line| line.split(':').next()).map(str::to_owned);
        chosen(self.groups(begun).into_iter().chain(local).collect(), begun)
    }

    /// Numbers of the keys of the user named before.
    pub fn keys(&self, begun: &str) -> Vec<(String, String)> {
        self.numbers("remove", "ListKeys", "fingerprint", begun)
    }

    /// Numbers of the sudo rules of the holder named before.
    pub fn rules(&self, begun: &str) -> Vec<(String, String)> {
        self.numbers("revoke", "ListSudo", "command", begun)
    }

    fn numbers(
        &self,
        verb: &str,
        method: &'static str,
        shown: &str,
        begun: &str,
    ) -> Vec<(String, String)> {
        let after = self.words.iter().skip_while(|word| *word != verb).skip(1);
        let Some(subject) = after.into_iter().find(|word| !word.starts_with('-')) else {
            return Vec::new();
        };
        let entries = wait(async {
            let body = (subject.as_str(),);
            ask::<_, Vec<Dictionary>>(INTERFACE, method, &body).await
        });
        let entries = entries.unwrap_or_default();
        let entries = entries.iter().filter_map(|entry| from_dictionary(entry).ok());
        let numbers = entries.filter_map(|entry| {
            let help = entry.get(shown).and_then(Value::as_str).unwrap_or_default();
            Some((entry.get("id")?.as_i64()?.to_string(), printable(help).into_owned()))
        });
        numbers.filter(|(number, _)| number.starts_with(begun)).take(MOST).collect()
    }

    /// The login shells of /etc/shells.
    pub fn shells(&self, begun: &str) -> Vec<String> {
        let shells = std::fs::read_to_string("/etc/shells").unwrap_or_default();
        let paths = shells.lines().filter(|line| line.starts_with('/') && line.starts_with(begun));
        paths
            .filter(|path| path.bytes().all(|b| b == b'/' || is_harmless(b)))
            .map(str::to_owned)
            .collect()
    }
}

/// Names as they may stand on a command line: a name of another source may hold anything, and must
/// not mean something to the shell.
fn chosen(names: Vec<String>, begun: &str) -> Vec<String> {
    let harmless = |name: &String| !name.starts_with('-') && name.bytes().all(is_harmless);
    let mut names: Vec<String> =
        names.into_iter().filter(|name| name.starts_with(begun) && harmless(name)).collect();
    names.sort();
    names.dedup();
    names.truncate(MOST);
    names
}

fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

fn named(entries: &[Dictionary]) -> Vec<String> {
    let name = |entry| from_dictionary(entry).ok()?.get("name")?.as_str().map(str::to_owned);
    entries.iter().filter_map(name).collect()
}

/// What the question gives within the time that a shell may wait.
fn wait<T>(question: impl Future<Output = Option<T>>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, question).await.ok()? });
    // A look-up that hangs must not hold the shell either.
    runtime.shutdown_background();
    answer
}

async fn ask<B, R>(interface: &'static str, method: &'static str, body: &B) -> Option<R>
where
    B: serde::Serialize + DynamicType,
    R: for<'d> DynamicDeserialize<'d>,
{
    let connection = zbus::connection::Builder::system().build().await.ok()?;
    let proxy = Proxy::new(&connection, SERVICE, PATH, interface).await.ok()?;
    proxy.call_with_flags(method, MethodFlags::NO_AUTO_START, body).await.ok()?
}

/// The names that our NSS module shows to everybody (getent(1)).
fn from_nss(database: &str, begun: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    wait(async {
        let mut getent = tokio::process::Command::new("/usr/bin/getent")
            .args(["-s", &format!("{database}:roster"), database])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(getent.stdout.take()?.take(LIMIT)).lines();
        while let Some(line) = lines.next_line().await.ok()? {
            let name = line.split(':').next().unwrap_or_default();
            if name.starts_with(begun) {
                names.push(name.to_owned());
            }
            if names.len() >= MOST {
                break;
            }
        }
        Some(())
    });
    // What came in time is better than nothing.
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_means_something_to_a_shell_is_not_offered() {
        let names = ["alice", "al ice", "al$(id)", "al;x", "-al", "bob", "alice", "al.b_c-d"];
        let names = names.map(str::to_owned).to_vec();
        assert_eq!(chosen(names, "al"), ["al.b_c-d", "alice"]);
    }
}
