//! The bus, as a program calls it.

use roster_tests::{Machine, Run};

use crate::people::{ALICES, BOB, add_alice, add_bob};

const CALL: &str = "busctl call org.roster.Accounts1 /org/roster/Accounts1 org.roster.Accounts1";

/// A call with one text, made by a client that prints the name of an error.
fn send(m: &Machine, user: &str, method: &str, text: &str) -> Run {
    m.run_as(
        user,
        &format!(
            "dbus-send --system --print-reply --dest=org.roster.Accounts1 /org/roster/Accounts1 \
             org.roster.Accounts1.{method} string:{text}"
        ),
    )
}

#[test]
fn root_lists_and_creates() {
    let m = Machine::boot("bus").unwrap();
    add_alice(&m);
    m.sh(&format!("{CALL} ListUsers 'a{{sv}}' 0")).ok().says("\"alice\"");
    m.sh(&format!("{CALL} CreateUser 'a{{sv}}a{{sv}}' 2 name s carol full_name s 'Carol Diaz' 0"))
        .ok()
        .says("\"carol\"");
    assert_eq!(
        m.sh("getent passwd carol").ok().line(),
        "carol:x:3001:3001:Carol Diaz:/home/carol:/bin/bash"
    );
    m.sh(&format!("{CALL} GetUser s uid:3001")).ok().says("\"carol\"");
    m.sh(&format!("{CALL} GetUser s nobody-like-that")).fails();
}

#[test]
fn a_caller_without_rights_is_refused_by_the_name_of_the_error() {
    let m = Machine::boot("bus-refused").unwrap();
    add_bob(&m);
    add_alice(&m);
    for caller in [BOB, "alice"] {
        for method in ["LockUser", "ClearPassword"] {
            let target = if caller == BOB { "alice" } else { "bob" };
            send(&m, caller, method, target).fails().says("org.roster.Accounts1.Error.");
        }
        send(&m, BOB, "LockUser", "alice").fails().says("org.roster.Accounts1.Error.NotAuthorized");
        m.run_as(caller, &format!("{CALL} CreateUser 'a{{sv}}a{{sv}}' 1 name s mallory 0")).fails();
        m.run_as(caller, "roster user create mallory --password-disabled").exits(10);
    }
    m.sh("getent passwd mallory").exits(2);
    assert_eq!(m.roster(["user", "show", "alice", "--json"]).ok().json()["locked"], false);
    // Nobody but root may be the service.
    m.run_as(BOB, "busctl --system call org.freedesktop.DBus / org.freedesktop.DBus RequestName su org.roster.Accounts1 0")
        .fails();
}

#[test]
fn alice_manages_what_is_hers_and_nothing_else() {
    let m = Machine::boot("own").unwrap();
    add_alice(&m);
    m.roster(["user", "create", "carol", "--password-disabled"]).ok();
    m.roster(["group", "create", "writers"]).ok();
    m.run_as("alice", "roster user update alice --shell /bin/sh").ok();
    m.sh("getent passwd alice").ok().says(":/bin/sh");
    m.run_as("alice", "roster user show alice --json").ok().says("\"alice\"");

    let update = |fields: &str| format!("{CALL} UpdateUser 'sa{{sv}}a{{sv}}' alice {fields} 0");
    for forbidden in [
        update("1 uid u 0"),
        update("1 groups as 1 sudo"),
        update("1 role s admin"),
        update("1 sudo_commands as 1 ALL"),
        update("1 home s /root"),
        "roster user update alice --groups sudo".into(),
        "roster sudo grant alice ALL".into(),
        "roster group add-member writers alice".into(),
        "roster group add-member sudo alice".into(),
        "roster user update carol --shell /bin/sh".into(),
        "roster user delete carol".into(),
        "roster user lock carol".into(),
        format!("echo '{ALICES}' | roster user password carol --password-stdin"),
        "roster 2fa enroll carol".into(),
    ] {
        m.run_as("alice", &forbidden).fails();
    }
    let record = m.roster(["user", "show", "alice", "--json"]).ok().json();
    assert_eq!(record["uid"], 3000);
    assert_eq!(record["role"], "user");
    m.sh("id alice").ok().says("uid=3000(alice)");
    assert!(!m.sh("id -nG alice").ok().stdout.contains("sudo"));
    m.sh("getent passwd carol").ok().says(":/bin/bash");
    m.run_as("alice", "sudo -n id").fails();
}

#[test]
fn a_user_is_an_object_with_properties_that_tell_of_changes() {
    let m = Machine::boot("object").unwrap();
    add_alice(&m);
    m.sh(&format!("{CALL} FindUser s alice")).ok().says("/org/roster/Accounts1/user/3000");
    let get = "busctl get-property org.roster.Accounts1 /org/roster/Accounts1/user/3000 org.roster.Accounts1.User";
    assert_eq!(m.sh(&format!("{get} Name")).ok().line(), "s \"alice\"");
    m.sh("dbus-monitor --system \"interface='org.freedesktop.DBus.Properties'\" >/run/signals 2>&1 & echo $! >/run/monitor; sleep 1")
        .ok();
    m.roster(["user", "update", "alice", "--full-name", "Alice Lovelace"]).ok();
    m.sh("for i in $(seq 50); do grep -q Lovelace /run/signals && break; sleep 0.1; done; kill $(cat /run/monitor)").ok();
    m.sh("cat /run/signals").ok().says("PropertiesChanged").says("Alice Lovelace");
}

/// The shipped XML and the live object say the same, method by method.
#[test]
fn the_shipped_interface_is_the_live_one() {
    let m = Machine::boot("introspect").unwrap();
    let members = |xml: &str| {
        let mut members: Vec<String> = xml
            .lines()
            .map(str::trim)
            .filter(|line| {
                ["<method ", "<signal ", "<property "].iter().any(|tag| line.starts_with(tag))
            })
            .filter_map(|line| line.split('"').nth(1).map(str::to_owned))
            .collect();
        members.sort();
        members
    };
    add_alice(&m);
    m.sh(&format!("{CALL} FindUser s alice")).ok();
    for (object, name) in [
        ("/org/roster/Accounts1", "org.roster.Accounts1"),
        ("/org/roster/Accounts1", "org.roster.Accounts1.Administration"),
        ("/org/roster/Accounts1", "org.roster.Accounts1.Metadata"),
        ("/org/roster/Accounts1/user/3000", "org.roster.Accounts1.User"),
    ] {
        let live = m
            .sh(&format!(
                "busctl call --json=short org.roster.Accounts1 {object} org.freedesktop.DBus.Introspectable Introspect"
            ))
            .ok()
            .json()["data"][0]
            .as_str()
            .unwrap()
            .to_owned();
        let start =
            live.find(&format!("<interface name=\"{name}\">")).expect("the interface is there");
        let end = start + live[start..].find("</interface>").unwrap();
        let shipped = m.sh(&format!("cat /usr/share/dbus-1/interfaces/{name}.xml")).ok().stdout;
        assert_eq!(members(&live[start..end]), members(&shipped));
    }
}
