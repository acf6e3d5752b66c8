//! Asks the installed sudo what it makes of a file.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use super::SudoHost;
use super::readback;
use super::render::{Flavour, Meaning};
use crate::publish::error::EffectError;
use crate::publish::tool::{self, Answer};

const DEADLINE: Duration = Duration::from_secs(30);
/// The read-back of the largest file takes about 15 MB.
const MOST_OUTPUT: usize = 64 << 20;

fn run(
    program: &Path,
    name: &'static str,
    args: &[&OsStr],
    input: &str,
) -> Result<Answer, EffectError> {
    if !program.exists() {
        return Err(EffectError::NoSudo(name));
    }
    tool::run(program, args, input.as_bytes(), DEADLINE, MOST_OUTPUT)
}

/// Which sudo is installed.
pub(super) fn flavour(host: &SudoHost) -> Result<Flavour, EffectError> {
    let answer = run(&host.visudo, "visudo", &[OsStr::new("-V")], "")?;
    let said = String::from_utf8_lossy(&answer.stdout);
    // sudo: "visudo version 1.9.13p3" and a line with the grammar's version; sudo-rs:
    // "visudo version 0.2.5" alone.
    if !said.contains("grammar version") {
        return Ok(Flavour::SudoRs);
    }
    let version = said.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap_or("");
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0_u32);
    Ok(Flavour::Sudo { notafter: (next(), next(), next()) >= (1, 8, 20) })
}

/// Proves that sudo accepts the file and reads exactly `meant` from it.
pub(super) fn file(
    host: &SudoHost,
    flavour: Flavour,
    text: &str,
    meant: &[(Meaning, String)],
) -> Result<(), EffectError> {
    // sudo's own name for standard input; sudo-rs has none.
    let input = if flavour == Flavour::SudoRs { "/dev/stdin" } else { "-" };
    let args = ["-c", "-q", "-f", input].map(OsStr::new);
    let answer = run(&host.visudo, "visudo", &args, text)?;
    if !answer.status.success() {
        return Err(EffectError::SudoRefused { tool: "visudo", output: answer.complaint() });
    }
    if flavour == Flavour::SudoRs {
        return Ok(());
    }
    let args = ["-c", "/dev/null", "-f", "json", "-"].map(OsStr::new);
    let answer = run(&host.cvtsudoers, "cvtsudoers", &args, text)?;
    if !answer.status.success() {
        return Err(EffectError::SudoRefused { tool: "cvtsudoers", output: answer.complaint() });
    }
    let read = readback::meanings(&answer.stdout).map_err(EffectError::SudoDiffers)?;
    if read.iter().eq(meant.iter().map(|(meaning, _)| meaning)) {
        return Ok(());
    }
    let differs = meant.iter().zip(&read).find(|((meaning, _), read)| meaning != *read);
    Err(EffectError::SudoDiffers(match differs {
        Some(((meaning, _), read)) => format!("{read:?} instead of {meaning:?}"),
        None => format!("{} rules instead of {}", read.len(), meant.len()),
    }))
}

/// Whether the whole configuration is valid; with `must_name`, and includes that file.
pub(super) fn whole(
    host: &SudoHost,
    flavour: Flavour,
    must_name: Option<&Path>,
) -> Result<(), EffectError> {
    let mut args = vec![OsStr::new("-c")];
    if let Some(main) = &host.main {
        args.extend([OsStr::new("-f"), main.as_os_str()]);
    }
    let answer = run(&host.visudo, "visudo", &args, "")?;
    if !answer.status.success() {
        return Err(EffectError::SudoRefused { tool: "visudo", output: answer.complaint() });
    }
    // sudo names each file that it read, sudo-rs only the main one.
    let Some(file) = must_name.filter(|_| flavour != Flavour::SudoRs) else { return Ok(()) };
    let line = format!("{}: ", file.display());
    let said = String::from_utf8_lossy(&answer.stdout);
    if said.lines().any(|said| said.starts_with(&line)) {
        return Ok(());
    }
    let output = format!("{} is not read: sudoers lacks its @includedir line", file.display());
    Err(EffectError::SudoRefused { tool: "visudo", output })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use accounts::{Args, SudoCommand};
    use proptest::prelude::*;

    use super::super::render;
    use super::super::testing::{Sudo, rule};
    use super::*;
    use crate::publish::effect::{SudoRule, Who};

    fn prove(rules: &[SudoRule]) -> Result<String, EffectError> {
        let host = SudoHost::system();
        let flavour = flavour(&host)?;
        let meant = render::meanings(rules, flavour)?;
        let text = render::file(&meant);
        file(&host, flavour, &text, &meant).map(|()| text)
    }

    fn exact(path: &str, args: &str) -> SudoRule {
        let args = Args::Exact(args.to_owned());
        let command = SudoCommand::Path { path: path.to_owned(), args };
        SudoRule { who: Who::User(3000), command, nopasswd: false, expires_at: None }
    }

    #[test]
    fn every_special_character_is_read_back_as_itself() {
        let visible = (b'!'..=b'~').map(char::from);
        let mut rules = Vec::new();
        for c in visible.clone() {
            if c != '"' {
                for args in [format!("{c}"), format!("a{c}b"), format!("{c}{c} {c}x x{c}")] {
                    rules.push(exact("/usr/bin/tool", &args));
                }
            }
            if !"*?[]\\/".contains(c) {
                rules.push(exact(&format!("/usr/{c}x/to{c}l"), "x"));
                rules.push(rule_any(&format!("/opt/x{c}")));
            }
        }
        let text = prove(&rules).unwrap();
        assert_eq!(text.lines().count(), 1 + rules.len());
    }

    fn rule_any(path: &str) -> SudoRule {
        let command = SudoCommand::Path { path: path.to_owned(), args: Args::Any };
        SudoRule { who: Who::Group(3000), command, nopasswd: true, expires_at: None }
    }

    #[test]
    fn what_sudo_cannot_say_is_refused_before_it_is_asked() {
        for (path, args) in [
            ("usr/bin/id", "x"),
            ("/usr/bin/", "x"),
            ("/usr/bin/../id", "x"),
            ("/usr/b*n/id", "x"),
            ("/usr/bin/i?", "x"),
            ("/usr/bin/[i]d", "x"),
            ("/usr/bin/i\\d", "x"),
            ("/usr/bin/i d", "x"),
            ("/usr/bin/id\n#0 ALL=(ALL) ALL", "x"),
            ("/usr/bin/sudoedit", "/etc/passwd"),
            ("/usr/bin/id", ""),
            ("/usr/bin/id", " x"),
            ("/usr/bin/id", "x  y"),
            ("/usr/bin/id", "\"\""),
            ("/usr/bin/id", "\"x\""),
            ("/usr/bin/id", "x\n#0 ALL=(ALL) NOPASSWD: ALL"),
            ("/usr/bin/id", "x\ty"),
            ("/usr/bin/id", "x\0"),
            ("/usr/bin/id", "é"),
        ] {
            let proved = prove(&[exact(path, args)]);
            assert!(matches!(proved, Err(EffectError::SudoRule { .. })), "{path:?} {args:?}");
        }
        for expires_at in [-1, 253_402_300_800, i64::MAX] {
            let rule = SudoRule { expires_at: Some(expires_at), ..exact("/usr/bin/id", "x") };
            assert!(matches!(prove(&[rule]), Err(EffectError::SudoRule { .. })));
        }
        let many = vec![exact("/usr/bin/id", "x"); 20_001];
        assert!(matches!(prove(&many), Err(EffectError::TooManyRules(_))));
    }

    #[test]
    fn injections_stay_arguments() {
        for args in [
            "x, ALL",
            "x, /bin/sh",
            "x : ALL=(ALL) NOPASSWD: ALL",
            "x # comment",
            "x \\",
            "\\\\ \\, ALL",
            "!/bin/sh",
            "^.*$",
            "* [a-z]* ?",
            "Cmnd_Alias X=/bin/sh",
            "@include /tmp/x",
            "%h %u ~root",
        ] {
            let text = prove(&[exact("/usr/bin/tool", args)]).unwrap();
            assert_eq!(text.lines().count(), 2, "{args}");
        }
    }

    /// The proof is worth something only if other rules than those meant do not pass it.
    #[test]
    fn a_file_that_means_something_else_is_found_out() {
        let host = SudoHost::system();
        let flavour = flavour(&host).unwrap();
        let meant = render::meanings(&[rule(Who::User(3000), "/usr/bin/id x")], flavour).unwrap();
        let ok = "#3000 ALL=(root) PASSWD: /usr/bin/id x\n";
        file(&host, flavour, ok, &meant).unwrap();
        for other in [
            "",
            "#3001 ALL=(root) PASSWD: /usr/bin/id x\n",
            "%#3000 ALL=(root) PASSWD: /usr/bin/id x\n",
            "root ALL=(root) PASSWD: /usr/bin/id x\n",
            "#3000 ALL=(root) NOPASSWD: /usr/bin/id x\n",
            "#3000 ALL=(root) /usr/bin/id x\n",
            "#3000 ALL=(ALL) PASSWD: /usr/bin/id x\n",
            "#3000 ALL=(root:root) PASSWD: /usr/bin/id x\n",
            "#3000 ALL=(root,bin) PASSWD: /usr/bin/id x\n",
            "#3000 ALL= PASSWD: /usr/bin/id x\n",
            "#3000 here=(root) PASSWD: /usr/bin/id x\n",
            "#3000 ALL=(root) PASSWD: /usr/bin/id\n",
            "#3000 ALL=(root) PASSWD: /usr/bin/id \"\"\n",
            "#3000 ALL=(root) PASSWD: /usr/bin/id x*\n",
            "#3000 ALL=(root) PASSWD: /usr/bin/id ^x$\n",
            "#3000 ALL=(root) PASSWD: /usr/bin/i[d] x\n",
            "#3000 ALL=(root) PASSWD: !/usr/bin/id x\n",
            "#3000 ALL=(root) PASSWD: SETENV: /usr/bin/id x\n",
            "#3000 ALL=(root) PASSWD: NOEXEC: /usr/bin/id x\n",
            "#3000 ALL=(root) NOTAFTER=20300101000000Z PASSWD: /usr/bin/id x\n",
            "#3000 ALL=(root) CWD=/ PASSWD: /usr/bin/id x\n",
            "#3000 ALL=(root) PASSWD: ALL\n",
            "#3000 ALL=(root) PASSWD: /usr/bin/id x, /bin/sh\n",
            "#3000, #3001 ALL=(root) PASSWD: /usr/bin/id x\n",
            "#3000 ALL=(root) PASSWD: /usr/bin/id x\nDefaults !authenticate\n",
            "#3000 ALL=(root) PASSWD: /usr/bin/id x\nCmnd_Alias X=/bin/sh\n",
            "Cmnd_Alias X=/usr/bin/id x\n#3000 ALL=(root) PASSWD: X\n",
            "#3000 ALL=(root) PASSWD: /usr/bin/id x\n#3000 ALL=(root) PASSWD: ALL\n",
            "#3000 ALL=(root) PASSWD: sudoedit /etc/passwd\n",
            "#3000 ALL=(root) PASSWD: sha224:YWJj /usr/bin/id x\n",
            "not sudoers at all\n",
        ] {
            let proved = file(&host, flavour, other, &meant);
            assert!(
                matches!(
                    proved,
                    Err(EffectError::SudoDiffers(_) | EffectError::SudoRefused { .. })
                ),
                "{other:?}: {proved:?}"
            );
        }
    }

    #[test]
    fn sudo_rs_is_told_apart_and_gets_no_end_of_a_rule() {
        let sudo = Sudo::new();
        let visudo = sudo.at("visudo");
        let answering = |version: &str| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::write(&visudo, format!("#!/bin/sh\necho '{version}'\n")).unwrap();
            std::fs::set_permissions(&visudo, std::fs::Permissions::from_mode(0o755)).unwrap();
            flavour(&SudoHost { visudo: visudo.clone(), ..SudoHost::system() }).unwrap()
        };
        let grammar = "visudo grammar version 50";
        let of_sudo = |version: &str| answering(&format!("visudo version {version}\n{grammar}"));
        assert_eq!(answering("visudo version 0.2.5"), Flavour::SudoRs);
        assert_eq!(of_sudo("1.9.13p3"), Flavour::Sudo { notafter: true });
        assert_eq!(of_sudo("1.8.20"), Flavour::Sudo { notafter: true });
        assert_eq!(of_sudo("1.8.19p2"), Flavour::Sudo { notafter: false });

        let rules = [SudoRule { expires_at: Some(0), ..exact("/usr/bin/id", "a,b:c=d#e") }];
        let text = render::file(&render::meanings(&rules, Flavour::SudoRs).unwrap());
        assert!(text.ends_with("(root) PASSWD: /usr/bin/id a\\,b\\:c\\=d\\#e\n"), "{text}");
        let pattern = render::meanings(&[exact("/usr/bin/id", "a*")], Flavour::SudoRs);
        assert!(matches!(pattern, Err(EffectError::SudoRule { .. })));
    }

    fn any_rule() -> impl Strategy<Value = SudoRule> {
        let args = prop_oneof![
            Just(Args::Any),
            Just(Args::None),
            "[!#-~]{1,12}( [!#-~]{1,12}){0,3}".prop_map(Args::Exact),
        ];
        let path = ("/[!-~&&[^*?\\[\\]\\\\/]]{1,8}(/[!-~&&[^*?\\[\\]\\\\/]]{1,8}){0,3}", args)
            .prop_map(|(path, args)| SudoCommand::Path { path, args });
        let command = prop_oneof![1 => Just(SudoCommand::All), 9 => path];
        let who = prop_oneof![any::<u32>().prop_map(Who::User), any::<u32>().prop_map(Who::Group)];
        let expires_at = proptest::option::of(0..253_402_300_799_i64);
        (who, command, any::<bool>(), expires_at).prop_map(
            |(who, command, nopasswd, expires_at)| SudoRule { who, command, nopasswd, expires_at },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

        /// Whatever is not refused outright is read by sudo as it was meant.
        #[test]
        fn sudo_reads_what_was_meant(rules in prop::collection::vec(any_rule(), 1..60)) {
            match prove(&rules) {
                Ok(_) => {}
                // Paths with `.`, `..` or sudoedit come up now and then.
                Err(EffectError::SudoRule { .. }) => {}
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        }
    }
}
