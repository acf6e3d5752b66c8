//! Command lines and the calls they become.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::fake_bus::Bus;

/// Standard input, command line, method, arguments.
pub type Case = (&'static str, &'static [&'static str], &'static str, Value);

pub fn cases() -> Vec<Case> {
    let secret = |text: &str| json!({ "secret": text });
    vec![
        (
            "hunter2 hunter2\n",
            &[
                "user",
                "create",
                "alice",
                "--uid",
                "3000",
                "--full-name",
                "Alice Ng",
                "--groups",
                "dev,ops",
                "--create-groups",
                "--home",
                "/srv/alice",
                "--home-mode",
                "750",
                "--home-create",
                "--shell",
                "/bin/sh",
                "--ssh-password",
                "--smb",
                "--locked",
                "--ssh-key",
                "ssh-ed25519 AAAA a b",
                "--sudo",
                "/usr/bin/id -u",
                "--sudo-nopasswd",
                "ALL",
                "--role",
                "helpdesk",
                "--tag",
                "x",
                "--tag",
                "y",
                "--attribute",
                "desk={\"floor\":[2,null]}",
                "--expires",
                "2030-01-31",
                "--email",
                "a@b.org",
                "--first-name",
                "Alice",
                "--last-name",
                "Ng",
                "--group-create",
                "--home-adopt",
                "--password-stdin",
            ],
            "CreateUser",
            json!([{
                "name": "alice", "uid": 3000, "full_name": "Alice Ng", "groups": ["dev", "ops"],
                "create_groups": true, "home": "/srv/alice", "home_mode": "750",
                "home_create": true, "shell": "/bin/sh", "ssh_password_enabled": true, "smb": true,
                "locked": true, "ssh_keys": ["ssh-ed25519 AAAA a b"],
                "sudo_commands": ["/usr/bin/id -u"], "sudo_commands_nopasswd": ["ALL"],
                "role": "helpdesk", "tags": ["x", "y"], "attributes": {"desk": {"floor": [2, null]}},
                "expires_at": "2030-01-31", "email": "a@b.org", "first_name": "Alice",
                "last_name": "Ng", "group_create": true, "home_adopt": true,
            }, {"password": {"secret": "hunter2 hunter2"}}]),
        ),
        (
            "",
            &["user", "create", "bob", "--group", "dev", "--password-disabled"],
            "CreateUser",
            json!([{"name": "bob", "group": "dev", "password_disabled": true}, {}]),
        ),
        (
            "",
            &["user", "create", "bob", "--generate-password"],
            "CreateUser",
            json!([{"name": "bob"}, {"generate_password": true}]),
        ),
        (
            "",
            &["user", "create", "--password-disabled", "--", "-f"],
            "CreateUser",
            json!([{"name": "-f", "password_disabled": true}, {}]),
        ),
        ("", &["user", "show", "uid:3000"], "GetUser", json!(["uid:3000"])),
        (
            "",
            &["user", "list", "--limit", "1", "--offset", "3"],
            "ListUsers",
            json!([{"limit": 1, "offset": 3}]),
        ),
        (
            "",
            &[
                "user",
                "update",
                "alice",
                "--name",
                "alicia",
                "--shell",
                "/bin/sh",
                "--no-groups",
                "--no-email",
                "--no-ssh-password",
                "--no-smb",
                "--no-tags",
                "--no-expires",
                "--no-attributes",
                "--no-sudo",
                "--no-sudo-nopasswd",
                "--no-ssh-keys",
                "--password-enabled",
                "--expect-generation",
                "7",
            ],
            "UpdateUser",
            json!(["alice", {"name": "alicia", "shell": "/bin/sh", "groups": [], "email": "",
                "ssh_password_enabled": false, "smb": false, "tags": [], "expires_at": "",
                "attributes": {}, "sudo_commands": [], "sudo_commands_nopasswd": [],
                "ssh_keys": [], "password_disabled": false}, {"expect_generation": 7}]),
        ),
        (
            "",
            &["user", "delete", "alice"],
            "DeleteUser",
            json!(["alice", {"delete_group": true, "home": "keep"}]),
        ),
        (
            "",
            &["user", "delete", "alice", "--yes", "--keep-group", "--home", "purge"],
            "DeleteUser",
            json!(["alice", {"delete_group": false, "home": "purge"}]),
        ),
        ("", &["user", "restore", "alice"], "RestoreUser", json!(["alice", {}])),
        (
            "",
            &["user", "restore", "alice", "--name", "alice2", "--without-sudo"],
            "RestoreUser",
            json!(["alice", {"name": "alice2", "without_sudo": true}]),
        ),
        ("", &["user", "shells", "alice"], "ListUserShells", json!(["alice"])),
        ("", &["user", "sync"], "SyncUsers", json!([[], {"limit": 500, "offset": 0}])),
        (
            "",
            &["user", "sync", "alice", "uid:3001", "--limit", "1"],
            "SyncUsers",
            json!([["alice", "uid:3001"], {"limit": 1, "offset": 0}]),
        ),
        ("", &["user", "purge", "uid:3000", "--yes"], "PurgeUser", json!(["uid:3000"])),
        (
            "",
            &["user", "list", "--deleted", "--limit", "1"],
            "ListDeletedUsers",
            json!([{"limit": 1, "offset": 0}]),
        ),
        (
            "",
            &[
                "user",
                "query",
                "--filter",
                "[\"name\",\"^\",\"al\"]",
                "--filter",
                "[[\"uid\",\">\",3000],[\"locked\",\"=\",false]]",
                "--options",
                "{\"select\":[\"name\"],\"order_by\":[\"-uid\"],\"limit\":2}",
            ],
            "QueryUsers",
            json!([
                r#"[["name","^","al"],["uid",">",3000],["locked","=",false]]"#,
                {"select": ["name"], "order_by": ["-uid"], "limit": 2}
            ]),
        ),
        (
            "",
            &["user", "query", "--options", "{\"count\":true}"],
            "QueryUsers",
            json!(["[]", {"count": true}]),
        ),
        (
            "",
            &["user", "search", "ng", "--limit", "2", "--offset", "1"],
            "SearchUsers",
            json!(["ng", {"limit": 2, "offset": 1}]),
        ),
        ("", &["user", "lock", "alice"], "LockUser", json!(["alice"])),
        ("", &["user", "attr", "get", "alice"], "GetMetadata", json!(["alice"])),
        (
            "",
            &["user", "attr", "set", "alice", "desk", "{\"floor\":[2,null]}"],
            "SetAttribute",
            json!(["alice", "desk", {"floor": [2, null]}]),
        ),
        (
            "",
            &["user", "attr", "set", "alice", "color", "blue"],
            "SetAttribute",
            json!(["alice", "color", "blue"]),
        ),
        (
            "",
            &["user", "attr", "set", "alice", "desk", "7", "--text"],
            "SetAttribute",
            json!(["alice", "desk", "7"]),
        ),
        (
            "",
            &["user", "attr", "set", "alice", "desk", "null"],
            "SetAttribute",
            json!(["alice", "desk", null]),
        ),
        ("", &["user", "attr", "pop", "alice", "desk"], "PopAttribute", json!(["alice", "desk"])),
        (
            "",
            &["user", "setting", "set", "alice", "core", "lang", "en", "--update-only"],
            "SetSetting",
            json!(["alice", "core", "lang", "en", {"update_only": true}]),
        ),
        (
            "",
            &["user", "setting", "delete", "alice", "core", "lang"],
            "DeleteSetting",
            json!(["alice", "core", "lang"]),
        ),
        (
            "",
            &["user", "profile", "set", "alice", "address", "Berlin"],
            "SetProfile",
            json!(["alice", "address", "Berlin", {}]),
        ),
        (
            "",
            &["user", "profile", "delete", "alice", "address"],
            "DeleteProfile",
            json!(["alice", "address"]),
        ),
        ("", &["user", "next-uid", "--reserve"], "ReserveUid", json!([])),
        ("", &["user", "lastseen", "alice"], "GetLastSeen", json!(["alice"])),
        (
            "",
            &["user", "lastseen", "--all", "--limit", "2"],
            "ListLastSeen",
            json!([{"limit": 2, "offset": 0}]),
        ),
        ("", &["user", "report"], "GetReport", json!([])),
        (
            "",
            &["group", "list", "de", "--limit", "1"],
            "ListGroups",
            json!([{"limit": 1, "offset": 0, "search": "de"}]),
        ),
        (
            "",
            &["group", "update", "dev", "--name", "eng", "--display-name", ""],
            "UpdateGroup",
            json!(["dev", {"name": "eng", "display_name": ""}]),
        ),
        ("", &["admin", "status"], "HasLocalAdministratorSetUp", json!([])),
        (
            "seven violet herons\n",
            &["admin", "setup", "admin", "--password-stdin"],
            "SetUpLocalAdministrator",
            json!(["admin", secret("seven violet herons")]),
        ),
        ("", &["user", "enable", "alice"], "EnableUser", json!(["alice"])),
        ("", &["user", "disable", "alice"], "DisableUser", json!(["alice"])),
        ("", &["user", "unlock", "alice"], "UnlockUser", json!(["alice"])),
        (
            "new one",
            &["user", "password", "alice", "--password-stdin", "--expire"],
            "SetPassword",
            json!(["alice", secret("new one"), {"expire": true}]),
        ),
        (
            "weak",
            &["user", "password", "alice", "--password-stdin", "--override-policy"],
            "SetPassword",
            json!(["alice", secret("weak"), {"override_policy": true}]),
        ),
        (
            "weak",
            &["user", "create", "bob", "--password-stdin", "--override-policy"],
            "CreateUser",
            json!([{"name": "bob"}, {"password": secret("weak"), "override_policy": true}]),
        ),
        (
            "from zero\n",
            &["user", "password", "alice", "--password-fd", "0"],
            "SetPassword",
            json!(["alice", secret("from zero"), {}]),
        ),
        (
            "",
            &["user", "password", "alice", "--generate-password"],
            "GeneratePassword",
            json!(["alice", {}]),
        ),
        (
            "alice:*:1:::::\n",
            &["user", "password", "alice", "--shadow-stdin"],
            "ImportPassword",
            json!(["alice", secret("alice:*:1:::::")]),
        ),
        ("", &["user", "password", "alice", "--clear"], "ClearPassword", json!(["alice"])),
        ("", &["user", "passwd-entry", "alice"], "GetPasswdEntry", json!(["alice"])),
        ("", &["user", "next-uid"], "GetNextUid", json!([])),
        ("", &["user", "shells"], "ListShells", json!([])),
        ("", &["user", "shells", "alice"], "ListUserShells", json!(["alice"])),
        (
            "",
            &["group", "create", "dev", "--gid", "3001", "--display-name", "Dev"],
            "CreateGroup",
            json!([{"name": "dev", "gid": 3001, "display_name": "Dev"}]),
        ),
        ("", &["group", "show", "dev"], "GetGroup", json!(["dev"])),
        ("", &["group", "list"], "ListGroups", json!([{"limit": 500, "offset": 0}])),
        ("", &["group", "delete", "dev"], "DeleteGroup", json!(["dev"])),
        ("", &["group", "add-member", "dev", "alice"], "AddMember", json!(["dev", "alice"])),
        ("", &["group", "remove-member", "dev", "alice"], "RemoveMember", json!(["dev", "alice"])),
        ("", &["2fa", "enroll", "alice"], "EnrollTotp", json!(["alice", {}])),
        (
            "",
            &["2fa", "renew", "alice", "--digits", "8", "--interval", "60"],
            "EnrollTotp",
            json!(["alice", {"digits": 8, "interval": 60}]),
        ),
        (
            "123456\n",
            &["2fa", "confirm", "alice", "--code-stdin"],
            "ConfirmTotp",
            json!(["alice", secret("123456")]),
        ),
        (
            "123456\n",
            &["2fa", "verify", "alice", "--code-stdin"],
            "VerifyTotp",
            json!(["alice", secret("123456")]),
        ),
        ("", &["2fa", "uri", "alice"], "GetProvisioningUri", json!(["alice"])),
        ("", &["2fa", "recovery-codes", "alice"], "GenerateRecoveryCodes", json!(["alice"])),
        ("", &["2fa", "state", "alice"], "GetTwoFactorState", json!(["alice"])),
        ("", &["2fa", "enable", "alice"], "EnableTwoFactor", json!(["alice", "totp"])),
        (
            "",
            &["2fa", "disable", "alice", "recovery"],
            "DisableTwoFactor",
            json!(["alice", "recovery"]),
        ),
        ("", &["2fa", "enforce"], "GetTwoFactorPolicy", json!([])),
        ("", &["2fa", "enforce", "--on"], "SetTwoFactorPolicy", json!([true, {}])),
        ("", &["2fa", "enforce", "--off"], "SetTwoFactorPolicy", json!([false, {}])),
        (
            "",
            &[
                "2fa",
                "enforce",
                "--on",
                "--group",
                "dev",
                "--group",
                "ops",
                "--exclude",
                "web",
                "--deadline",
                "2030-01-31",
            ],
            "SetTwoFactorPolicy",
            json!([true, {"groups": ["dev", "ops"], "excluded": ["web"],
                "due_at": "2030-01-31T00:00:00Z"}]),
        ),
        (
            "",
            &["2fa", "enforce", "--on", "--deadline", "14d"],
            "SetTwoFactorPolicy",
            json!([true, {"due_in": 1_209_600}]),
        ),
        (
            "",
            &["2fa", "cleanup", "totp", "--force"],
            "CleanupTwoFactor",
            json!(["totp", {"force": true}]),
        ),
        ("", &["2fa", "rotate-key"], "RotateTotpKey", json!([])),
        (
            "",
            &["key", "add", "alice", "ssh-ed25519", "AAAA", "alice@home"],
            "AddKey",
            json!(["alice", "ssh-ed25519 AAAA alice@home", {}]),
        ),
        (
            "ssh-ed25519 AAAA x\n",
            &["key", "add", "alice", "--file", "-", "--expires", "2030-01-31"],
            "AddKey",
            json!(["alice", "ssh-ed25519 AAAA x", {"expires_at": "2030-01-31"}]),
        ),
        ("", &["key", "list", "alice"], "ListKeys", json!(["alice"])),
        ("", &["key", "remove", "alice", "4"], "RemoveKey", json!(["alice", 4])),
        (
            "",
            &["sudo", "grant", "alice", "/usr/bin/id"],
            "GrantSudo",
            json!(["alice", "/usr/bin/id", {"nopasswd": false}]),
        ),
        (
            "",
            &["sudo", "grant", "%dev", "--nopasswd", "--for", "1h", "--", "/usr/bin/x", "-b", "1"],
            "GrantSudo",
            json!(["%dev", "/usr/bin/x -b 1", {"nopasswd": true, "for": 3600}]),
        ),
        ("", &["sudo", "revoke", "alice", "4"], "RevokeSudo", json!(["alice", 4])),
        ("", &["sudo", "revoke", "%dev", "--all"], "RevokeSudo", json!(["%dev", 0])),
        ("", &["sudo", "list"], "ListSudo", json!([""])),
        ("", &["sudo", "list", "alice"], "ListSudo", json!(["alice"])),
        ("", &["whoami"], "WhoAmI", json!([])),
    ]
}

/// The methods of the shipped introspection XML and the types they take.
fn contract() -> HashMap<String, String> {
    let xml = [
        include_str!("../../../packaging/dbus/org.roster.Accounts1.xml"),
        include_str!("../../../packaging/dbus/org.roster.Accounts1.Administration.xml"),
        include_str!("../../../packaging/dbus/org.roster.Accounts1.Lifecycle.xml"),
        include_str!("../../../packaging/dbus/org.roster.Accounts1.Metadata.xml"),
        include_str!("../../../packaging/dbus/org.roster.Accounts1.Passwords.xml"),
        include_str!("../../../packaging/dbus/org.roster.Accounts1.Query.xml"),
        include_str!("../../../packaging/dbus/org.roster.Accounts1.TwoFactor.xml"),
    ]
    .concat();
    let quoted = |line: &str, name: &str| -> Option<String> {
        let (_, rest) = line.split_once(&format!(" {name}=\""))?;
        rest.split('"').next().map(str::to_owned)
    };
    let mut methods = HashMap::new();
    let mut current = String::new();
    for line in xml.lines().map(str::trim) {
        if line.starts_with("<method") {
            current = quoted(line, "name").unwrap();
            methods.insert(current.clone(), String::new());
        } else if line.starts_with("<arg") && line.contains("direction=\"in\"") {
            methods.get_mut(&current).unwrap().push_str(&quoted(line, "type").unwrap());
        }
    }
    methods
}

#[test]
fn each_command_line_becomes_the_documented_call() {
    let bus = Bus::start();
    let contract = contract();
    for (stdin, words, method, arguments) in cases() {
        let outcome = bus.roster(words, stdin.as_bytes());
        assert_eq!(outcome.status, 0, "{words:?}: {outcome:?}");
        let calls = bus.calls();
        assert_eq!(calls.len(), 1, "{words:?}: {calls:?}");
        let call = &calls[0];
        assert_eq!(call.method, method, "{words:?}");
        assert_eq!(Value::from(call.arguments.clone()), arguments, "{words:?}");
        assert_eq!(Some(&call.signature), contract.get(method), "{words:?}");
        assert!(!call.interactive, "nobody is there to be asked: {words:?}");
    }
}

#[test]
fn every_method_but_the_object_lookup_has_a_command() {
    // The own password needs a caller who is not root; who runs the tests may be.
    let not_here = ["FindUser", "ChangePassword"];
    let called: Vec<_> = cases().iter().map(|case| case.2.to_owned()).collect();
    for method in contract().keys().filter(|method| !not_here.contains(&method.as_str())) {
        assert!(called.contains(method), "{method}");
    }
}

#[test]
fn a_page_is_as_many_calls_as_the_bus_needs() {
    let bus = Bus::start();
    let outcome = bus.roster(&["user", "list", "--limit", "4", "--json"], b"");
    let asked: Vec<_> = bus.calls().into_iter().map(|call| call.arguments[0].clone()).collect();
    assert_eq!(asked, [json!({"limit": 4, "offset": 0}), json!({"limit": 2, "offset": 2})]);
    let list = outcome.json();
    assert_eq!(
        (&list["total"], &list["limit"], &list["offset"]),
        (&json!(5), &json!(4), &json!(0))
    );
    assert_eq!(list["users"].as_array().unwrap().len(), 4);
}
