//! `--edit`: what an editor makes of the form, and what comes of that.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::fake_bus::{Bus, Outcome};

/// Runs `roster` with an editor that is this shell script; the form is `$1`, and `$N` how often it
/// was opened, from 1.
fn edit(bus: &Bus, words: &[&str], script: &str) -> Outcome {
    edit_with(bus, words, b"", script)
}

/// The same with this on standard input.
fn edit_with(bus: &Bus, words: &[&str], stdin: &[u8], script: &str) -> Outcome {
    let directory = bus.directory();
    let editor = directory.join("editor");
    let count = directory.join("count");
    let _ = std::fs::remove_file(&count);
    let count = count.display();
    let script = format!(
        "#!/bin/sh\necho x >>{count}\nN=$(wc -l <{count})\nHERE={}\n{script}\n",
        directory.display()
    );
    std::fs::write(&editor, script).unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let editor = editor.to_str().unwrap();
    let place = directory.to_str().unwrap();
    bus.roster_with(words, stdin, &[("VISUAL", ""), ("EDITOR", editor), ("XDG_RUNTIME_DIR", place)])
}

/// The forms that were left behind.
fn left(bus: &Bus) -> usize {
    let entries = std::fs::read_dir(bus.directory()).unwrap();
    entries
        .filter(|entry| {
            entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with("roster-")
        })
        .count()
}

const CREATE: &[&str] = &["user", "create", "alice", "--edit", "--tag", "ops"];

#[test]
fn a_filled_form_is_what_is_sent() {
    let bus = Bus::start();
    let script = "stat -c %a \"$1\" \"${1%/*}\" >$HERE/modes; cp \"$1\" $HERE/form\n\
        sed -i 's|^#shell = .*|shell = \"/bin/sh\"|' \"$1\"";
    let outcome = edit(&bus, CREATE, script);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let sent = bus.calls();
    assert_eq!(sent[0].method, "CreateUser");
    assert_eq!(sent[0].arguments[0], json!({"name": "alice", "tags": ["ops"], "shell": "/bin/sh"}));
    let here = |name: &str| std::fs::read_to_string(bus.directory().join(name)).unwrap();
    assert_eq!(here("modes"), "600\n700\n");
    let form = here("form");
    assert!(
        form.contains("# Login shell, one of") && form.contains("\nname = \"alice\"\n"),
        "{form}"
    );
    assert!(!form.contains("password ="), "{form}");
    assert_eq!(left(&bus), 0);
}

#[test]
fn what_is_wrong_comes_back_beside_its_field() {
    let bus = Bus::start();
    // Each time something else is wrong: the text, a field of no form, a rule, a taken name.
    let script = "cp \"$1\" $HERE/form$N\ncase $N in\n\
        1) echo 'home = = 1' >>\"$1\" ;;\n\
        2) sed -i 's/^home = = 1/hoem = 1/' \"$1\" ;;\n\
        3) sed -i 's|^hoem = 1|home = \"/\"|' \"$1\" ;;\n\
        4) sed -i 's|^home = \"/\"|home = \"/srv/a\"|; s/^name = .*/name = \"taken\"/' \"$1\" ;;\n\
        *) sed -i 's/^name = .*/name = \"alice\"/' \"$1\" ;;\nesac";
    let outcome = edit(&bus, CREATE, script);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let form = |n: u8| std::fs::read_to_string(bus.directory().join(format!("form{n}"))).unwrap();
    let above = |n: u8, line: &str| {
        let form = form(n);
        let lines: Vec<_> = form.lines().collect();
        let at = lines.iter().position(|other| *other == line).unwrap_or_else(|| panic!("{form}"));
        assert_eq!(form.matches("#! ").count(), 1, "{form}");
        lines[at - 1].to_owned()
    };
    assert!(above(2, "home = = 1").starts_with("#! line "));
    assert_eq!(above(3, "hoem = 1"), "#! hoem: is no field of this form");
    assert!(above(4, "home = \"/\"").starts_with("#! home: "));
    assert_eq!(above(5, "name = \"taken\""), "#! name: the name taken is in use");
    let calls = bus.calls();
    assert_eq!(calls.len(), 2, "the rules refuse before anything is sent");
    assert_eq!(
        (&calls[1].arguments[0]["name"], &calls[1].arguments[0]["home"]),
        (&json!("alice"), &json!("/srv/a"))
    );
    assert_eq!(left(&bus), 0);
}

#[test]
fn a_form_left_alone_or_empty_does_nothing() {
    let bus = Bus::start();
    for script in ["true", ": >\"$1\"", "sed -i 's/^/#/' \"$1\"", "exit 3"] {
        for words in
            [CREATE, &["user", "update", "alice", "--edit"], &["group", "create", "dev", "--edit"]]
        {
            let outcome = edit(&bus, words, script);
            assert_eq!(outcome.status, 1, "{script} {words:?}");
            assert!(outcome.stderr.contains("nothing was changed"), "{outcome:?}");
            let calls = bus.calls();
            assert!(calls.iter().all(|call| call.method == "GetUser"), "{calls:?}");
        }
    }
    // The second time the form is as it was shown: the refusal stands.
    let outcome = edit(&bus, CREATE, "[ $N -gt 1 ] || echo 'home = \"/\"' >>\"$1\"");
    assert!(outcome.status == 1 && outcome.stderr.contains("home: "), "{outcome:?}");
    assert_eq!((bus.calls(), left(&bus)), (vec![], 0));
}

#[test]
fn a_record_is_changed_where_the_form_was_if_nobody_else_changed_it() {
    let bus = Bus::start();
    let script = "sed -i 's|^shell = .*|shell = \"/bin/sh\"|; s/^groups = .*/groups = []/' \"$1\"";
    let outcome = edit(&bus, &["user", "update", "alice", "--edit"], script);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let calls = bus.calls();
    assert_eq!(
        calls[1].arguments,
        [
            json!("alice"),
            json!({"shell": "/bin/sh", "groups": []}),
            json!({"expect_generation": 7})
        ]
    );
    let script = "sed -i 's/^#display_name = .*/display_name = \"Devs\"/' \"$1\"";
    assert_eq!(edit(&bus, &["group", "update", "dev", "--edit"], script).status, 0);
    assert_eq!(bus.calls()[1].arguments, [json!("dev"), json!({"display_name": "Devs"})]);
}

#[test]
fn work_that_cannot_be_done_now_is_not_lost() {
    let bus = Bus::start();
    let script = "echo 'display_name = \"Devs\"' >>\"$1\"; rm -f $HERE/bus";
    let outcome = edit(&bus, &["group", "create", "dev", "--edit"], script);
    assert_eq!(outcome.status, 11, "{outcome:?}");
    let kept =
        outcome.stderr.lines().find_map(|line| line.strip_prefix("roster: your form is kept: "));
    assert!(std::fs::read_to_string(kept.unwrap()).unwrap().contains("Devs"));
}

#[test]
fn a_password_from_a_pipe_does_not_reach_the_editor_or_the_form() {
    let bus = Bus::start();
    let script = "timeout 1 cat >$HERE/read; cp \"$1\" $HERE/form; echo 'locked = true' >>\"$1\"";
    let words = ["user", "create", "alice", "--edit", "--password-stdin"];
    let outcome = edit_with(&bus, &words, b"hunter2\n", script);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    for file in ["read", "form"] {
        let text = std::fs::read_to_string(bus.directory().join(file)).unwrap();
        assert!(!text.contains("hunter2"), "{file}: {text}");
    }
    assert_eq!(bus.calls()[0].arguments[1], json!({"password": {"secret": "hunter2"}}));
}
