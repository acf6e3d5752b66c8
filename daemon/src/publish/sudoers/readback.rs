//! What sudo read from the file, by the JSON of cvtsudoers(1).
//!
//! Anything in it that we never write (aliases, Defaults, other hosts or run-as users, unknown
//! keys) is an error: it would be a meaning nobody asked for.

use accounts::{Args, SudoCommand};
use serde::Deserialize;

use super::render::Meaning;
use crate::publish::effect::Who;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "User_Specs", default)]
    specs: Vec<Spec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    #[serde(rename = "User_List")]
    users: Vec<User>,
    #[serde(rename = "Host_List")]
    hosts: Vec<Host>,
    #[serde(rename = "Cmnd_Specs")]
    commands: Vec<CommandSpec>,
}

#[derive(Deserialize)]
enum User {
    #[serde(rename = "userid")]
    Id(u32),
    #[serde(rename = "usergid")]
    Group(u32),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    hostname: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandSpec {
    runasusers: Vec<RunAs>,
    #[serde(rename = "Options")]
    options: Vec<Opt>,
    #[serde(rename = "Commands")]
    commands: Vec<Command>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunAs {
    username: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Opt {
    Authenticate(bool),
    Notafter(String),
    Setenv(bool),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    command: String,
}

/// The rules sudo would follow, in their order. `Err` says what is not as we write it.
pub(super) fn meanings(json: &[u8]) -> Result<Vec<Meaning>, String> {
    // cvtsudoers writes nothing at all for a file without rules.
    if json.iter().all(u8::is_ascii_whitespace) {
        return Ok(Vec::new());
    }
    let file: File = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let mut meanings = Vec::new();
    for spec in file.specs {
        if !matches!(&*spec.hosts, [host] if host.hostname == "ALL") {
            return Err("a rule for some hosts only".to_owned());
        }
        for user in &spec.users {
            let who = match user {
                User::Id(uid) => Who::User(*uid),
                User::Group(gid) => Who::Group(*gid),
            };
            for commands in &spec.commands {
                for command in &commands.commands {
                    meanings.push(meaning(who, commands, &command.command)?);
                }
            }
        }
    }
    Ok(meanings)
}

fn meaning(who: Who, spec: &CommandSpec, text: &str) -> Result<Meaning, String> {
    if !matches!(&*spec.runasusers, [user] if user.username == "root") {
        return Err(format!("{text} as another user than root"));
    }
    let (mut nopasswd, mut notafter) = (None, None);
    for option in &spec.options {
        match option {
            Opt::Authenticate(asked) => nopasswd = Some(!asked),
            Opt::Notafter(until) => notafter = Some(until.clone()),
            // ALL brings it with it (sudoers(5), SETENV).
            Opt::Setenv(true) if text == "ALL" => {}
            Opt::Setenv(_) => return Err(format!("{text} with SETENV")),
        }
    }
    let nopasswd = nopasswd.ok_or_else(|| format!("{text} without PASSWD or NOPASSWD"))?;
    Ok(Meaning { nopasswd, who, command: command(text)?.to_string(), notafter })
}

/// A command as sudo holds it: escapes of the file are gone from the path, and from the
/// arguments but for those that fnmatch(3) will take off.
fn command(text: &str) -> Result<SudoCommand, String> {
    if text == "ALL" {
        return Ok(SudoCommand::All);
    }
    let (path, args) = match text.split_once(' ') {
        None => (text, Args::Any),
        Some((path, "\"\"")) => (path, Args::None),
        Some((path, args)) => (path, Args::Exact(literal(args)?)),
    };
    if !path.starts_with('/') || path.contains(['*', '?', '[', ']', '\\']) {
        return Err(format!("{path:?} for a program"));
    }
    Ok(SudoCommand::Path { path: path.to_owned(), args })
}

/// The only text that an fnmatch(3) pattern matches.
fn literal(pattern: &str) -> Result<String, String> {
    if pattern.starts_with('^') {
        return Err(format!("the regular expression {pattern:?}"));
    }
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.push(chars.next().ok_or("a backslash at the end")?),
            '*' | '?' | '[' => return Err(format!("the pattern {pattern:?}")),
            c => text.push(c),
        }
    }
    Ok(text)
}
