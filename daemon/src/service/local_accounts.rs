//! What the host's other account sources say: names and numbers that are theirs.
//!
//! /etc/passwd and /etc/group are read directly; every further source of nsswitch.conf is asked
//! through `getent -s SOURCE`, never ourselves (that would wait for this very daemon's index).

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use accounts::HomePath;

use super::next_number::Next;
use crate::config::Places;

/// A line of the host's passwd file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "passwd(5)")]
pub struct LocalUser {
    pub name: String,
    pub uid: u32,
    pub home: Option<HomePath>,
}

/// A line of the host's group file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "group(5)")]
pub struct LocalGroup {
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
}

/// The host's own users and groups at one moment, and the names of the other sources.
#[derive(Debug, Clone, Default)]
pub struct LocalAccounts {
    /// Users of /etc/passwd.
    pub users: Vec<LocalUser>,
    /// Groups of /etc/group.
    pub groups: Vec<LocalGroup>,
    passwd_sources: Vec<String>,
    group_sources: Vec<String>,
    /// What a source that can be listed has, if it was.
    listed: [Listed; 2],
    /// From where on a free uid and gid are looked for.
    pub(super) next: [Next; 2],
    /// The shells that everybody may have, once they were looked for.
    pub(super) shells: OnceCell<BTreeMap<String, String>>,
}

/// Names and numbers of one database.
#[derive(Debug, Clone, Default)]
struct Listed {
    names: HashSet<String>,
    numbers: HashSet<u32>,
}

/// Which database to ask.
#[derive(Debug, Clone, Copy)]
enum Database {
    Passwd,
    Group,
}

/// How long one answer of another source may take.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// How long a list may take, and how long it may be, in bytes.
const LIST_TIME: Duration = Duration::from_secs(10);
const LONGEST_LIST: u64 = 16 * 1024 * 1024;
/// The source that lists all it knows (nss-systemd(8)); others, such as sss, may leave out what they
/// find by name.
const LISTS_ALL: &str = "systemd";

impl LocalAccounts {
    /// Reads the host's files.
    ///
    /// # Errors
    /// When the passwd or group file cannot be read: then no number can be called free.
    pub fn read(places: &Places) -> std::io::Result<Self> {
        let lines = |path: &Path| -> std::io::Result<Vec<Vec<String>>> {
            let text = std::fs::read(path)?;
            let text = String::from_utf8_lossy(&text);
            Ok(text.lines().map(|line| line.split(':').map(str::to_owned).collect()).collect())
        };
        let users = lines(&places.passwd)?.into_iter().filter_map(|f| {
            Some(LocalUser {
                name: f.first()?.clone(),
                uid: f.get(2)?.parse().ok()?,
                home: HomePath::parse(f.get(5)?).ok(),
            })
        });
        let groups = lines(&places.group)?.into_iter().filter_map(|f| {
            let members = f.get(3).map(String::as_str).unwrap_or_default().split(',');
            Some(LocalGroup {
                name: f.first()?.clone(),
                gid: f.get(2)?.parse().ok()?,
                members: members.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            })
        });
        let switch = std::fs::read_to_string(&places.nsswitch).unwrap_or_default();
        Ok(Self {
            users: users.collect(),
            groups: groups.collect(),
            passwd_sources: other_sources(&switch, "passwd"),
            group_sources: other_sources(&switch, "group"),
            ..Self::default()
        })
    }

    /// The same for whoever has many questions: what can be listed is listed once, instead of
    /// asking a program for each name and number.
    ///
    /// # Errors
    /// As [`LocalAccounts::read`].
    pub fn read_for_many(places: &Places) -> std::io::Result<Self> {
        let mut host = Self::read(places)?;
        let databases = [("passwd", &mut host.passwd_sources), ("group", &mut host.group_sources)];
        for ((database, sources), listed) in databases.into_iter().zip(&mut host.listed) {
            if sources.iter().any(|source| source == LISTS_ALL)
                && let Some(list) = list(LISTS_ALL, database)
            {
                *listed = list;
                sources.retain(|source| source != LISTS_ALL);
            }
        }
        Ok(host)
    }

    /// The host's group of that name.
    #[must_use]
    pub fn group_by_name(&self, name: &str) -> Option<&LocalGroup> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The host's group of that number.
    #[must_use]
    pub fn group_by_gid(&self, gid: u32) -> Option<&LocalGroup> {
        self.groups.iter().find(|group| group.gid == gid)
    }

    /// Whether another source has a user of that name.
    #[must_use]
    pub fn knows_user(&self, name: &str) -> bool {
        self.users.iter().any(|user| user.name == name) || self.ask(Database::Passwd, name)
    }

    /// Whether another source has a user of that number.
    #[must_use]
    pub fn knows_uid(&self, uid: u32) -> bool {
        self.users.iter().any(|user| user.uid == uid)
            || self.ask(Database::Passwd, &uid.to_string())
    }

    /// Whether another source has a group of that name.
    #[must_use]
    pub fn knows_group(&self, name: &str) -> bool {
        self.group_by_name(name).is_some() || self.ask(Database::Group, name)
    }

    /// Whether another source has a group of that number.
    #[must_use]
    pub fn knows_gid(&self, gid: u32) -> bool {
        self.group_by_gid(gid).is_some() || self.ask(Database::Group, &gid.to_string())
    }

    fn ask(&self, database: Database, key: &str) -> bool {
        let (name, sources, listed) = match database {
            Database::Passwd => ("passwd", &self.passwd_sources, &self.listed[0]),
            Database::Group => ("group", &self.group_sources, &self.listed[1]),
        };
        let number = |key: &str| key.parse().is_ok_and(|number| listed.numbers.contains(&number));
        if listed.names.contains(key) || (!listed.numbers.is_empty() && number(key)) {
            return true;
        }
        sources.iter().any(|source| getent(source, name, key))
    }
}

/// The sources of a line of nsswitch.conf(5), without the files, ourselves and the actions.
fn other_sources(switch: &str, database: &str) -> Vec<String> {
    let line = switch.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or("");
        line.trim_start().strip_prefix(database)?.trim_start().strip_prefix(':')
    });
    let mut outside = String::new();
    let mut depth = 0;
    for c in line.unwrap_or("").chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            c if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    let is_source = |word: &&str| {
        !matches!(*word, "files" | "compat" | "db" | "roster")
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    outside.split_whitespace().filter(is_source).map(str::to_owned).collect()
}

/// Everything that a source lists; `None` when it does not answer.
fn list(source: &str, database: &str) -> Option<Listed> {
    let mut child = Command::new("/usr/bin/getent")
        .args(["-s", source, database])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let output = child.stdout.take()?;
    // Read on a thread of its own: a source that does not answer is ended, and with it the output.
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        output.take(LONGEST_LIST).read_to_string(&mut text).map(|_| text)
    });
    let deadline = Instant::now() + LIST_TIME;
    let done = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.success(),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                break false;
            }
        }
    };
    let text =
        reader.join().ok()?.ok().filter(|text| done && (text.len() as u64) < LONGEST_LIST)?;
    let mut listed = Listed::default();
    for line in text.lines() {
        let mut fields = line.split(':');
        listed.names.extend(fields.next().map(str::to_owned));
        listed.numbers.extend(fields.nth(1).and_then(|number| number.parse::<u32>().ok()));
    }
    Some(listed)
}

/// Asks one source for one key; no answer in time counts as "not known".
fn getent(source: &str, database: &str, key: &str) -> bool {
    let child = Command::new("/usr/bin/getent")
        .args(["-s", source, database, key])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let deadline = Instant::now() + ANSWER_TIME;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                let mut first = [0; 1];
                let answered =
                    child.stdout.take().is_some_and(|mut o| o.read(&mut first).unwrap_or(0) > 0);
                return status.success() && answered;
            }
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                tracing::warn!(source, database, "an account source did not answer in time");
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_foreign_sources_are_asked() {
        let switch = "# passwd: ldap\npasswd:\tfiles roster systemd sss # nis\n\
                      group: files [SUCCESS=merge] roster [SUCCESS=merge] systemd\n";
        assert_eq!(other_sources(switch, "passwd"), ["systemd", "sss"]);
        assert_eq!(other_sources(switch, "group"), ["systemd"]);
        assert!(other_sources(switch, "shadow").is_empty());
    }
}
