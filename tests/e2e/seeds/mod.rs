//! The commands of the documents that Roster's features come from, one by one: what each is called
//! there, what it is called here, and that it does here what it does there.
//!
//! A command that Roster does not have yet is in the table too, with the verb it will be: the test
//! insists that there is no such verb, so that the line has to be filled in with the verb itself.

mod magistrala;
mod nextcloud;
mod truenas;

use roster_tests::{Machine, Outcome, Run};

use crate::mail::with_mail_and;

/// One command of a document.
struct Seed {
    /// As the document writes it.
    theirs: &'static str,
    /// What an administrator does here instead.
    ours: Ours,
}

enum Ours {
    /// Shell lines, each with what comes of it.
    Does(&'static [Step]),
    /// The verb that is still to come.
    Later(&'static str),
}

/// One shell line, which may use what [`PRELUDE`] has.
struct Step {
    line: &'static str,
    /// The user who types it; root when empty.
    by: &'static str,
    status: i32,
    /// All of it is said, on standard output or standard error.
    says: &'static [&'static str],
}

const fn seed(theirs: &'static str, ours: &'static [Step]) -> Seed {
    Seed { theirs, ours: Ours::Does(ours) }
}

const fn later(theirs: &'static str, verb: &'static str) -> Seed {
    Seed { theirs, ours: Ours::Later(verb) }
}

const fn does(line: &'static str, says: &'static [&'static str]) -> Step {
    Step { line, by: "", status: 0, says }
}

const fn refuses(status: i32, line: &'static str, says: &'static [&'static str]) -> Step {
    Step { line, by: "", status, says }
}

impl Step {
    const fn by(self, user: &'static str) -> Self {
        Self { by: user, ..self }
    }
}

/// What the lines use: a password, a field of a JSON object, a user's identifier, the last mail to an
/// address and the token in it, and the code that a user's authenticator shows now.
const PRELUDE: &str = r#"
export PASSWORD='nine amber otters resting'
field() { sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'; }
id_of() { roster --json user show "$1" | field id; }
mailed() {
    for n in $(seq 100); do
        mail=$(grep -lx "To: $1" /root/mails/* 2>/dev/null | tail -n 1)
        [ -z "$mail" ] || break
        sleep 0.1
    done
    cat "$mail"
}
token_of() { mailed "$1" | grep -o 'roster_[a-z]*_[A-Za-z0-9_-]*'; }
code() { oathtool --totp -b "$(cat "/root/$1.secret")"; }
"#;

fn run(m: &Machine, step: &Step) -> Run {
    let script = format!("{PRELUDE}\n{}", step.line);
    if step.by.is_empty() { m.sh(&script) } else { m.run_as(step.by, &script) }
}

/// What is wrong with what came of a step.
fn wrong(step: &Step, outcome: &Outcome) -> Option<String> {
    let Step { line, status, says, .. } = step;
    let said = |text: &str| outcome.stdout.contains(text) || outcome.stderr.contains(text);
    let missing: Vec<_> = says.iter().filter(|text| !said(text)).collect();
    if outcome.status == *status && missing.is_empty() {
        return None;
    }
    let Outcome { status: exited, stdout, stderr, .. } = outcome;
    Some(format!(
        "{line}\nexited {exited} instead of {status}, without {missing:?}:\n{stdout}{stderr}"
    ))
}

/// Follows a document from its first command to its last, and tells all that went another way.
fn follow(m: &Machine, document: &[Seed]) {
    let mut findings = Vec::new();
    for Seed { theirs, ours } in document {
        match ours {
            Ours::Does(steps) => {
                assert!(!steps.is_empty(), "{theirs}: nothing is done");
                let wrong = steps.iter().filter_map(|step| wrong(step, &run(m, step).run()));
                findings.extend(wrong.map(|what| format!("{theirs}\n{what}")));
            }
            Ours::Later(verb) => {
                let help = m.sh(&format!("roster {verb} --help")).run();
                if help.status != 2 {
                    findings.push(format!("{theirs}\nthere is `roster {verb}` now: use it here"));
                }
            }
        }
    }
    assert!(findings.is_empty(), "{} of them:\n{}", findings.len(), findings.join("\n\n"));
}

#[test]
fn every_command_of_the_truenas_user_namespace_has_its_verb() {
    let m = Machine::boot("truenas").unwrap();
    follow(&m, truenas::COMMANDS);
}

#[test]
fn every_occ_command_for_users_groups_and_second_factors_has_its_verb() {
    let m = Machine::boot("nextcloud").unwrap();
    with_mail_and(&m, "welcome_new_users = true");
    follow(&m, nextcloud::COMMANDS);
}

#[test]
fn every_command_of_the_magistrala_users_namespace_has_its_verb() {
    let m = Machine::boot("magistrala").unwrap();
    with_mail_and(&m, "");
    follow(&m, magistrala::COMMANDS);
}
