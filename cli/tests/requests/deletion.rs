//! What a deletion leaves behind, what of a deleted account comes back, and what sync says.

use serde_json::json;

use crate::fake_bus::Bus;

#[test]
fn a_deletion_says_what_is_left() {
    let bus = Bus::start();
    let said = bus.roster(&["user", "delete", "alice"], b"").stdout;
    assert_eq!(
        said,
        "Deleted alice.\nLeft behind: mail /var/mail/alice, 2 temporary files in /tmp.\n"
    );
    let answer = bus.roster(&["user", "delete", "alice", "--json"], b"").json();
    assert_eq!((&answer["done"], &answer["leftovers"][0]["kind"]), (&json!(true), &json!("mail")));
    assert_eq!(answer["leftovers"][1]["count"], 2);
}

#[test]
fn a_restoration_says_what_did_not_come_back() {
    let bus = Bus::start();
    let said = bus.roster(&["user", "restore", "alice"], b"").stdout;
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "Restored alice: uid 3000, group alice, home /home/alice.");
    assert_eq!(lines[1], "Groups that are gone: ops\\u{1b}[2J");
    assert!(lines[2].starts_with("It has no password: ") && lines.len() == 3, "{said}");
    let user = bus.roster(&["user", "restore", "alice", "--json"], b"").json();
    assert_eq!(
        (&user["uid"], &user["restored"]["credentials_gone"]),
        (&json!(3000), &json!(["password"]))
    );
}

#[test]
fn deleted_accounts_are_a_list() {
    let bus = Bus::start();
    let list = bus.roster(&["user", "list", "--deleted", "--json"], b"").json();
    assert_eq!((&list["total"], &list["users"][0]["home_state"]), (&json!(1), &json!("kept")));
    let table = bus.roster(&["user", "list", "--deleted"], b"").stdout;
    assert!(table.contains("PURGED FROM") && table.contains("2026-03-02T12:00:00Z"), "{table}");
    assert_eq!(bus.roster(&["user", "list", "--deleted", "--locked"], b"").status, 2);
}

#[test]
fn sync_says_a_line_for_each_account_and_what_there_is_to_decide() {
    let bus = Bus::start();
    let said = bus.roster(&["user", "sync", "--all"], b"").stdout;
    let expected = "alice - updated\n  left the group ops, which is gone\n  \
        problem: there is no home\\u{1b}[2J\n";
    assert_eq!(said, expected);
    let list = bus.roster(&["user", "sync", "--json"], b"").json();
    assert_eq!((&list["total"], &list["users"][0]["result"]), (&json!(1), &json!("updated")));
    assert_eq!(bus.roster(&["user", "sync", "alice", "--all"], b"").status, 2);
}
