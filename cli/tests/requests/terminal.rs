//! At a terminal: questions, answers that are not echoed, tables that fit, a code for the camera.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};
use serde_json::json;

use crate::fake_bus::Bus;

/// Runs `roster` at a terminal of so many columns. Each answer is typed when its question has
/// appeared. Checks that the terminal is left as it was. Gives the exit status and all that the terminal showed.
fn at_terminal(bus: &Bus, columns: u16, words: &[&str], typed: &[(&str, &str)]) -> (i32, String) {
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(Some(&size), None).unwrap();
    let side = || Stdio::from(pty.slave.try_clone().unwrap());
    // A session of its own, with this terminal as its controlling one: prompts go to /dev/tty.
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_roster")]).args(words);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", bus.address());
    let mut child = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
    drop(command);
    drop(pty.slave);
    let mut terminal = File::from(pty.master);
    let mut shown = String::new();
    let mut seen = 0;
    let mut typed = typed.iter();
    let mut next = typed.next();
    let mut chunk = [0; 4096];
    // EIO: the command has closed the terminal.
    while let Ok(count @ 1..) = terminal.read(&mut chunk) {
        shown.push_str(&String::from_utf8_lossy(&chunk[..count]));
        while let Some((question, answer)) = next
            && let Some(at) = shown[seen..].find(question)
        {
            seen += at + question.len();
            terminal.write_all(format!("{answer}\n").as_bytes()).unwrap();
            next = typed.next();
        }
    }
    assert_eq!(next, None, "was not asked: {shown}");
    let status = child.wait().unwrap().code().unwrap();
    let modes = tcgetattr(&terminal).unwrap().local_flags;
    assert!(modes.contains(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG), "{shown}");
    (status, shown)
}

#[test]
fn a_new_password_is_asked_for_twice_and_never_shown() {
    let bus = Bus::start();
    let typed = [
        ("other fields first? [y/N] ", ""),
        ("New password for alice: ", "hunter2 ü"),
        ("The same again: ", "hunter2 ü"),
    ];
    let (status, shown) = at_terminal(&bus, 80, &["user", "create", "alice"], &typed);
    assert_eq!(status, 0, "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let calls = bus.calls();
    assert_eq!(calls[0].arguments[1], json!({"password": {"secret": "hunter2 ü"}}));
    assert!(calls[0].interactive, "polkit may ask: somebody is there");
}

#[test]
fn two_different_passwords_are_asked_for_again() {
    let bus = Bus::start();
    let (first, second) = ("New password for alice: ", "The same again: ");
    let typed = [(first, "one"), (second, "other"), (first, "same"), (second, "same")];
    let (status, shown) = at_terminal(&bus, 80, &["user", "password", "alice"], &typed);
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("The two differ"), "{shown}");
    assert_eq!(bus.calls()[0].arguments, [json!("alice"), json!({"secret": "same"}), json!({})]);
}

#[test]
fn breaking_off_changes_nothing() {
    let bus = Bus::start();
    let typed = [("New password for alice: ", "hunter2\u{3}")];
    let (status, shown) = at_terminal(&bus, 80, &["user", "create", "alice", "--smb"], &typed);
    assert_eq!(status, 1, "{shown}");
    assert!(shown.contains("nothing was changed") && !shown.contains("hunter2"), "{shown}");
    assert_eq!(bus.calls(), []);
}

#[test]
fn a_code_is_asked_for() {
    let bus = Bus::start();
    let typed = [("Code for alice: ", "123456")];
    let (status, shown) = at_terminal(&bus, 80, &["2fa", "confirm", "alice"], &typed);
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("aaaa-bbbb") && !shown.contains("123456"), "{shown}");
}

#[test]
fn deleting_is_asked_about_unless_yes_is_said() {
    let bus = Bus::start();
    let words = ["user", "delete", "alice", "--home", "purge"];
    for (answer, status, calls) in [("n", 1, 0), ("", 1, 0), ("yes", 0, 1), ("y", 0, 1)] {
        let typed = [("ERASED. [y/N] ", answer)];
        let (got, shown) = at_terminal(&bus, 80, &words, &typed);
        assert_eq!((got, bus.calls().len()), (status, calls), "{answer}: {shown}");
    }
    let (status, _) = at_terminal(&bus, 80, &[&words[..], &["--yes"]].concat(), &[]);
    assert_eq!((status, bus.calls().len()), (0, 1));
    let typed = [("Delete the group dev? [y/N] ", "no")];
    assert_eq!(at_terminal(&bus, 80, &["group", "delete", "dev"], &typed).0, 1);
    assert_eq!(bus.calls(), []);
}

#[test]
fn tables_fit_the_terminal() {
    let bus = Bus::start();
    for columns in [50, 100, 200] {
        let (status, shown) = at_terminal(&bus, columns, &["user", "list", "--limit", "1"], &[]);
        assert_eq!(status, 0);
        let table = shown.lines().take(2);
        assert!(table.clone().all(|line| line.chars().count() <= columns.into()), "{shown}");
        assert_eq!(table.clone().any(|line| line.contains('…')), columns < 60, "{shown}");
    }
}

#[test]
fn a_secret_is_drawn_for_the_camera_where_there_is_room() {
    let bus = Bus::start();
    let drawn = |columns, words: &[&str]| {
        let (status, shown) = at_terminal(&bus, columns, words, &[]);
        assert_eq!(status, 0);
        assert!(shown.contains("JBSWY3DPEHPK3PXP"));
        shown.contains('█')
    };
    assert!(drawn(80, &["2fa", "enroll", "alice"]));
    assert!(!drawn(20, &["2fa", "enroll", "alice"]));
    assert!(!drawn(80, &["2fa", "enroll", "alice", "--json"]));
}
