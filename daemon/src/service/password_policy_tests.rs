#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::super::testing::{Fixture, fields_of, map, secret, subject};
use super::super::{Created, NewPassword};
use super::*;
use crate::authorize::{Action, Grant};

const FIRST: &str = "seven violet herons";

fn alice(f: &Fixture) -> Created {
    let fields = json!({"name": "alice", "full_name": "Alice Wonderbaum",
        "email": "a.w@tanzquelle.example"});
    f.create_with(fields, NewPassword::Given(secret(FIRST))).unwrap()
}

fn set(f: &Fixture, password: NewPassword) -> Result<(), String> {
    let grant = f.root(Action::PasswordSet, Some("alice"));
    let grant = grant.and(f.root(Action::PasswordOverride, Some("alice")));
    let set = f.service.set_password(&grant, &subject("alice"), password, false);
    set.map(drop).map_err(|error| error.to_string())
}

fn own(f: &Fixture) -> Grant {
    f.grant(3000, Action::PasswordChangeOwn, Some("alice"))
}

fn change(f: &Fixture, old: &str, new: &str) -> Result<(), Error> {
    f.service.change_own_password(&own(f), &secret(old), &secret(new))
}

fn given(password: &str) -> NewPassword {
    NewPassword::Given(secret(password))
}

fn imposed(password: &str) -> NewPassword {
    NewPassword::Imposed(secret(password))
}

#[test]
fn the_rules_hold_wherever_a_password_is_set() {
    let f = Fixture::new();
    alice(&f);
    for (weak, reason) in [
        ("short", "shorter than 8"),
        ("password1", "too easy to guess"),
        ("wonderbaum", "too easy to guess"),
        ("tanzquelle1", "too easy to guess"),
    ] {
        let refused = set(&f, given(weak)).unwrap_err();
        assert!(refused.contains(reason), "{weak}: {refused}");
        let refused = change(&f, FIRST, weak).unwrap_err();
        assert!(matches!(&refused, Error::PasswordPolicy(why) if why.contains(reason)), "{weak}");
        let fields = map(json!({"shell": "/bin/sh"}));
        let grant = f.root(Action::UserUpdate, Some("alice"));
        let grant = grant.and(f.root(Action::PasswordSet, Some("alice")));
        let update = |password| {
            f.service.update_user_with(&grant, &subject("alice"), &fields, None, password)
        };
        assert!(matches!(update(given(weak)), Err(Error::PasswordPolicy(_))), "{weak}");
        let fields = json!({"name": "bob", "full_name": "Bob Wonderbaum",
            "email": "b@tanzquelle.example"});
        assert_eq!(fields_of(f.create_with(fields, given(weak))), ["password"], "{weak}");
        let admin = f.root(Action::AdministratorSetUp, None);
        if weak.len() < 10 {
            let set_up = f.service.set_up_administrator(&admin, "admin", secret(weak));
            assert_eq!(fields_of(set_up), ["password"], "{weak}");
        }
    }
    set(&f, given("eleven calm otters")).unwrap();
    set(&f, NewPassword::Generate).unwrap();
}

#[test]
fn what_can_be_no_password_is_refused_even_against_the_rules() {
    let f = Fixture::new();
    alice(&f);
    let long = "x".repeat(1024 * 1024);
    for bad in
        [&b""[..], b"a\0b a\0b a\0b", b"line\nline line", b"\xff\xfe\xfd violet", long.as_bytes()]
    {
        for kind in [NewPassword::Given, NewPassword::Imposed] {
            let refused = set(&f, kind(Secret::new(bad.to_vec()))).unwrap_err();
            assert!(refused.len() < 200, "{refused:.200}");
        }
        let new = Secret::new(bad.to_vec());
        let refused = f.service.change_own_password(&own(&f), &secret(FIRST), &new);
        assert!(matches!(refused, Err(Error::PasswordPolicy(_))));
    }
    // And as the old one, it is wrong.
    for bad in [&b""[..], b"seven violet herons\0", b"\xff\xfe", long.as_bytes()] {
        let old = Secret::new(bad.to_vec());
        let refused = f.service.change_own_password(&own(&f), &old, &secret("nine amber otters"));
        assert!(matches!(refused, Err(Error::WrongPassword)));
        f.clock.forward(100);
    }
}

#[test]
fn the_rules_are_set_aside_with_a_right_of_its_own_and_the_log_tells() {
    let f = Fixture::with(|config| config.passwords.history = 3);
    alice(&f);
    set(&f, imposed("password1")).unwrap();
    set(&f, imposed(FIRST)).unwrap();
    let rows = f.service.dump().into_iter().filter(|row| row.starts_with("audit "));
    let rows: Vec<_> = rows.filter(|row| row.contains("password-set")).collect();
    assert!(rows[0].contains("overridden"), "{rows:?}");
    assert!(rows[1].contains("earlier passwords not compared"), "{rows:?}");
    assert!(rows.iter().all(|row| !row.contains("password1")), "{rows:?}");
    let grant = f.root(Action::PasswordSet, Some("alice"));
    let refused = f.service.set_password(&grant, &subject("alice"), imposed("password1"), false);
    assert!(matches!(refused, Err(Error::NotAuthorized(_))));
    let create = f.root(Action::UserCreate, None);
    let fields = map(json!({"name": "bob"}));
    let refused = f.service.create_user(&create, &fields, imposed("password1"));
    assert!(matches!(refused, Err(Error::NotAuthorized(_))));
    let create = create.and(f.root(Action::PasswordOverride, None));
    f.service.create_user(&create, &fields, imposed("password1")).unwrap();
}

#[test]
fn the_last_passwords_do_not_come_again() {
    let f = Fixture::with(|config| config.passwords.history = 3);
    alice(&f);
    let passwords = [FIRST, "nine amber otters", "eleven calm ravens", "forty green umbrellas"];
    for pair in passwords.windows(2) {
        change(&f, pair[0], pair[1]).unwrap();
    }
    for again in &passwords[1..3] {
        let refused = change(&f, passwords[3], again).unwrap_err();
        assert!(refused.to_string().contains("one of the last 3"), "{refused}");
        assert!(set(&f, given(again)).unwrap_err().contains("one of the last 3"));
    }
    let refused = change(&f, passwords[3], passwords[3]).unwrap_err();
    assert!(refused.to_string().contains("is the old one"), "{refused}");
    // An administrator may give the present one again, also when it was there before.
    set(&f, given(passwords[3])).unwrap();
    set(&f, given(passwords[3])).unwrap();
    // The first one is the fourth by now, and forgotten.
    change(&f, passwords[3], FIRST).unwrap();
    let kept = f.service.dump().into_iter().filter(|row| row.starts_with("password_history "));
    assert_eq!(kept.count(), 2);
}

#[test]
fn taking_a_password_away_does_not_forget_it() {
    let f = Fixture::with(|config| config.passwords.history = 2);
    alice(&f);
    let grant = f.root(Action::PasswordSet, Some("alice"));
    f.service.clear_password(&grant, &subject("alice")).unwrap();
    assert!(set(&f, given(FIRST)).unwrap_err().contains("one of the last 2"));
    set(&f, given("nine amber otters")).unwrap();
    let import = f.root(Action::PasswordImport, Some("alice"));
    f.service.import_password(&import, &subject("alice"), &secret("*")).unwrap();
    assert!(set(&f, given("nine amber otters")).is_err());
}

#[test]
fn a_rehearsal_is_no_place_to_guess_earlier_passwords() {
    let f = Fixture::with(|config| config.passwords.history = 3);
    alice(&f);
    for password in [FIRST, "nine amber otters"] {
        let grant = f.root(Action::PasswordSet, Some("alice")).for_rehearsal();
        let plan = f.service.set_password(&grant, &subject("alice"), given(password), false);
        assert!(matches!(plan, Err(Error::Planned(_))), "{plan:?}");
        let own = own(&f).for_rehearsal();
        let plan = f.service.change_own_password(&own, &secret("x"), &secret(password));
        assert!(matches!(plan, Err(Error::Planned(_))), "{plan:?}");
    }
}

#[test]
fn a_young_password_is_not_changed_over_the_bus_either() {
    const DAY: i64 = 24 * 60 * 60;
    let f = Fixture::new();
    alice(&f);
    let grant = f.root(Action::UserUpdate, Some("alice"));
    let ages = map(json!({"password_min_age": 3, "password_max_age": 90, "password_inactive": 7}));
    f.service.update_user(&grant, &subject("alice"), &ages, None).unwrap();
    let refused = change(&f, FIRST, "nine amber otters").unwrap_err();
    assert!(refused.to_string().contains("in 3 days"), "{refused}");
    set(&f, given("nine amber otters")).unwrap();
    f.clock.forward(3 * DAY);
    change(&f, "nine amber otters", FIRST).unwrap();
    // And one that nobody changed in time is an administrator's to change.
    f.clock.forward(98 * DAY);
    let refused = change(&f, FIRST, "nine amber otters");
    assert!(matches!(refused, Err(Error::NotAuthorized(_))));
    // Unless it is wrong: that comes first.
    assert!(matches!(change(&f, "wrong", "nine amber otters"), Err(Error::WrongPassword)));
}

#[test]
fn leaked_passwords_are_refused_and_a_list_that_is_gone_refuses_nobody() {
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), "eleven calm ravens\nseven violet herons\n").unwrap();
    let path = list.path().to_owned();
    let f = Fixture::with(|config| config.passwords.leaked_list = path);
    let fields = || json!({"name": "alice"});
    assert_eq!(fields_of(f.create_with(fields(), given(FIRST))), ["password"]);
    f.create_with(fields(), given("nine amber otters")).unwrap();
    let refused = set(&f, given("eleven calm ravens")).unwrap_err();
    assert!(refused.contains("leaked"), "{refused}");
    set(&f, given("eleven calm raven")).unwrap();
    std::fs::remove_file(list.path()).unwrap();
    f.service.check_leaked_list();
    set(&f, given("eleven calm ravens")).unwrap();
}
