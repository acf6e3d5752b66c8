//! The walk along the table.

use std::collections::BTreeSet;

use bus::ErrorName;

use super::super::client::{Answer, Call, text};
use super::super::introspection::{introspect, methods_of};
use super::super::private_bus::ROOT;
use super::arguments;
use super::methods::{METHODS, Method, USER, with_plans};
use super::people::{GROUPS_GID, Person, Site};
use super::table::{ACCOUNTS_OF, CALLERS, Caller, Outcome};

#[test]
fn every_method_is_in_the_table() {
    let mut site = Site::new();
    let about = site.account(Caller::User, 'o').unwrap();
    for name in ["FindUser", "FindGroup"] {
        let find = METHODS.iter().find(|method| method.name == name).unwrap();
        assert!(matches!(site.call(ROOT, arguments::call(find, &about)), Answer::Done(_)));
    }
    let user = format!("/org/roster/Accounts1/user/{}", about.uid);
    let group = format!("/org/roster/Accounts1/group/{GROUPS_GID}");
    let live = site.bus.call_as(ROOT, |connection| async move {
        let mut live = BTreeSet::new();
        for path in ["/org/roster/Accounts1", &user, &group] {
            live.extend(methods_of(&introspect(&connection, path).await));
        }
        live
    });
    let known: BTreeSet<(String, String)> = with_plans()
        .iter()
        .map(|method| (method.interface.to_owned(), method.name.to_owned()))
        .collect();
    let missing: Vec<_> = live.difference(&known).collect();
    let surplus: Vec<_> = known.difference(&live).collect();
    assert!(missing.is_empty(), "no line in METHODS: {missing:?}");
    assert!(surplus.is_empty(), "in METHODS and not on the bus: {surplus:?}");
}

/// Calls every method of the table that `is` chooses, by everybody about everybody.
fn walk(is: impl Fn(&Method) -> bool) {
    let mut calls = 0;
    let mut site = Site::new();
    for method in &with_plans() {
        if !is(method) {
            continue;
        }
        let accounts = if method.right.about_nobody() { "n" } else { ACCOUNTS_OF };
        // The own password is nobody else's business: the method names no account.
        let accounts = if method.name == "ChangePassword" { "o" } else { accounts };
        for caller in CALLERS {
            for letter in accounts.chars() {
                let Some(mut about) = site.account(caller, letter) else { continue };
                site.prepare(method, &mut about);
                check(&mut site, method, caller, letter, &about);
                calls += 1;
            }
            if site.bus.service.dump() != site.pristine {
                site = Site::new();
            }
        }
    }
    assert!(calls > 100, "the walk was short: {calls}");
}

fn check(site: &mut Site, method: &Method, caller: Caller, letter: char, about: &Person) {
    let what = format!(
        "{}.{} ({}) by {caller:?} about {letter:?}",
        method.interface, method.name, method.way
    );
    let before = site.bus.service.dump();
    let uid = site.uid(caller);
    let answer = site.call(uid, arguments::call(method, about));
    let after = site.bus.service.dump();
    if !method.right.allows(caller, letter) {
        let Answer::Refused(error) = answer else { panic!("{what}: {answer:?}") };
        assert_eq!(error.name, ErrorName::NotAuthorized, "{what}");
        assert_eq!(before, after, "{what}");
        return;
    }
    if method.outcome == Outcome::Already {
        let Answer::Refused(error) = answer else { panic!("{what}: {answer:?}") };
        assert_eq!(error.name, ErrorName::AlreadyInState, "{what}");
        assert_eq!(before, after, "{what}");
        return;
    }
    assert!(matches!(answer, Answer::Done(_)), "{what}: {answer:?}");
    let audited = |dump: &[String]| dump.iter().filter(|line| line.starts_with("audit ")).count();
    let by_caller = format!(" actor_uid=Integer({uid}) ");
    match method.outcome {
        Outcome::Reads | Outcome::Already => assert_eq!(before, after, "{what}"),
        Outcome::Notes => {
            assert_ne!(before, after, "{what}");
            assert_eq!(audited(&before), audited(&after), "{what}");
        }
        Outcome::Changes => {
            let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
            let rows: Vec<_> = new.iter().filter(|line| line.starts_with("audit ")).collect();
            assert!(!rows.is_empty(), "{what}: no audit row in {new:#?}");
            assert!(rows.iter().all(|row| row.contains(&by_caller)), "{what}: {rows:#?}");
            assert!(new.len() > rows.len() || after.len() < before.len() + rows.len(), "{what}");
        }
    }
}

/// Three tests instead of one, so that they run at a time.
#[test]
fn methods_about_an_account_are_for_those_whom_the_table_says() {
    walk(|method| !method.right.about_nobody() && method.name < "G");
}

#[test]
fn further_methods_about_an_account_are_for_those_whom_the_table_says() {
    walk(|method| !method.right.about_nobody() && method.name >= "G");
}

#[test]
fn methods_about_no_account_are_for_those_whom_the_table_says() {
    walk(|method| method.right.about_nobody());
}

#[test]
fn a_users_properties_are_for_those_who_read_its_record() {
    let mut site = Site::new();
    let get = METHODS.iter().find(|method| method.interface == USER && method.name == "Get");
    let get = get.unwrap();
    for caller in CALLERS {
        for letter in ACCOUNTS_OF.chars() {
            let Some(mut about) = site.account(caller, letter) else { continue };
            site.prepare(get, &mut about);
            let Call { path, .. } = arguments::call(get, &about);
            let call = Call {
                path,
                interface: "org.freedesktop.DBus.Properties".to_owned(),
                method: "GetAll".to_owned(),
                arguments: vec![text(USER)],
                interactive: false,
            };
            let uid = site.uid(caller);
            match site.call(uid, call) {
                Answer::Done(_) => assert!(get.right.allows(caller, letter), "{caller:?} {letter}"),
                Answer::Refused(error) => {
                    assert_eq!(error.name, ErrorName::NotAuthorized);
                    assert!(!get.right.allows(caller, letter), "{caller:?} {letter}");
                }
                Answer::Other(error) => panic!("{caller:?} {letter}: {error}"),
            }
        }
    }
}
