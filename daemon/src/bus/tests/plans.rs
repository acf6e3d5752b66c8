//! Every verb has a plan, the plan changes nothing, and the verb then does what the plan has said.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bus::names::READS;
use bus::{CallError, Dictionary, ErrorName, secret_to_fd};
use serde_json::{Value, json};
use zbus::message::Message;
use zbus::{Connection, Fd, Proxy, Variant};

use super::introspection::{introspect, members};
use super::private_bus::{ALICE, PrivateBus, ROOT, STRANGER, dictionary, record};
use crate::authorize::{Action, Actor, Decision, decide};
use crate::secret::Secret;
use crate::service::DeleteOptions;

const INTERFACES: [&str; 9] = [
    "org.roster.Accounts1",
    "org.roster.Accounts1.Administration",
    "org.roster.Accounts1.Import",
    "org.roster.Accounts1.Lifecycle",
    "org.roster.Accounts1.Mail",
    "org.roster.Accounts1.Metadata",
    "org.roster.Accounts1.TwoFactor",
    "org.roster.Accounts1.Passwords",
    "org.roster.Accounts1.Tokens",
];
const PLAN: &str = "org.roster.Accounts1.Plan";
const ALICES: &str = "alice@example.org";
const FIRST: &str = "seven violet herons";
const SECOND: &str = "nine amber otters";
const SHADOW: &str = "alice:!$y$j9T$F5Jx5fExrKuPp53xLKQ..1$42RgPIrXdXSEEs77lDi/4IqKVqFBAVaHJkzw5uD1r57:19000:0:90:7:::";
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";

/// Every method, in an order in which each finds what it is about.
const METHODS: &[&str] = &[
    "SetUpLocalAdministrator",
    "CreateGroup",
    "CreateUser",
    "UpdateUser",
    "UpdateGroup",
    "AddMember",
    "RemoveMember",
    "SetPassword",
    "ChangePassword",
    "GeneratePassword",
    "ImportPassword",
    "AddKey",
    "RemoveKey",
    "GrantSudo",
    "RevokeSudo",
    "EnrollTotp",
    "ConfirmTotp",
    "VerifyTotp",
    "GenerateRecoveryCodes",
    "DisableTwoFactor",
    "EnableTwoFactor",
    "RotateTotpKey",
    "CleanupTwoFactor",
    "SetTwoFactorPolicy",
    "SetAttribute",
    "PopAttribute",
    "SetSetting",
    "DeleteSetting",
    "SetProfile",
    "DeleteProfile",
    "ReserveUid",
    "CreateToken",
    "RevokeToken",
    "RevokeTokens",
    "ClearPassword",
    "UnlockUser",
    "WelcomeUser",
    "RequestPasswordReset",
    "ResetPassword",
    "VerifyEmail",
    "ConfirmEmail",
    "LockUser",
    "DisableUser",
    "EnableUser",
    "DeleteGroup",
    "DeleteUser",
    "RestoreUser",
    "PurgeUser",
    "SyncUsers",
    "ImportUsers",
];
/// Those whose code is not known here: planned only.
const WITH_A_CODE: &[&str] = &["ConfirmTotp", "VerifyTotp"];

fn secret(text: &str) -> Fd<'static> {
    secret_to_fd(text.as_bytes()).unwrap().into()
}

async fn call(proxy: &Proxy<'_>, method: &str, token: &str) -> zbus::Result<Message> {
    type Options = Dictionary;
    let none = Options::new;
    let one = |key: &str, value: Variant<'static>| {
        Options::from([(key.to_owned(), value.try_into_owned().unwrap())])
    };
    let user = "alice";
    match method {
        "SetUpLocalAdministrator" => proxy.call_method(method, &("admin", secret(FIRST))).await,
        "CreateGroup" => proxy.call_method(method, &(dictionary(json!({"name": "dev"})),)).await,
        "CreateUser" => {
            let fields = json!({"name": user, "uid": 3005, "groups": ["dev"], "home_create": true,
                "sudo_commands": ["/usr/bin/id"], "tags": ["x"], "email": ALICES});
            let password = one("password", Variant::Fd(secret(FIRST)));
            proxy.call_method(method, &(dictionary(fields), password)).await
        }
        "UpdateUser" => {
            let fields = json!({"shell": "/bin/sh", "groups": ["docker"], "role": "helpdesk",
                "attributes": {"desk": {"floor": [2, null]}}, "ssh_keys": []});
            proxy.call_method(method, &(user, dictionary(fields), none())).await
        }
        "UpdateGroup" => {
            let fields = dictionary(json!({"name": "eng", "display_name": "Engineers"}));
            proxy.call_method(method, &("dev", fields)).await
        }
        "AddMember" | "RemoveMember" => proxy.call_method(method, &("eng", user)).await,
        "SetPassword" => proxy.call_method(method, &(user, secret(FIRST), none())).await,
        "ChangePassword" => proxy.call_method(method, &(secret(FIRST), secret(SECOND))).await,
        "GeneratePassword" => proxy.call_method(method, &(user, one("expire", true.into()))).await,
        "ImportPassword" => proxy.call_method(method, &(user, secret(SHADOW))).await,
        "WelcomeUser" => {
            proxy.call_method(method, &(user, one("reset_password", true.into()))).await
        }
        "RequestPasswordReset" => proxy.call_method(method, &(ALICES,)).await,
        "ResetPassword" => proxy.call_method(method, &(secret(token), secret(SECOND))).await,
        "VerifyEmail" => proxy.call_method(method, &(user,)).await,
        "ConfirmEmail" => proxy.call_method(method, &(secret(token),)).await,
        "AddKey" => proxy.call_method(method, &(user, KEY, none())).await,
        "RemoveKey" => proxy.call_method(method, &(user, 1_i64)).await,
        "GrantSudo" => {
            let options = one("for", Variant::U32(3600));
            proxy.call_method(method, &("%docker", "/usr/bin/id", options)).await
        }
        "RevokeSudo" => proxy.call_method(method, &("%docker", 0_i64)).await,
        "EnrollTotp" => proxy.call_method(method, &(user, none())).await,
        "ConfirmTotp" => proxy.call_method(method, &(user, secret("123456"))).await,
        "VerifyTotp" => proxy.call_method(method, &("bob", secret("123456"))).await,
        "GenerateRecoveryCodes" => proxy.call_method(method, &("bob",)).await,
        "DisableTwoFactor" | "EnableTwoFactor" => proxy.call_method(method, &("bob", "totp")).await,
        "RotateTotpKey" => proxy.call_method(method, &()).await,
        "CleanupTwoFactor" => proxy.call_method(method, &("totp", none())).await,
        "SetTwoFactorPolicy" => {
            let groups = one("groups", Variant::new(vec!["docker"]));
            proxy.call_method(method, &(true, groups)).await
        }
        "SetAttribute" => proxy.call_method(method, &(user, "color", Variant::new("blue"))).await,
        "PopAttribute" => proxy.call_method(method, &(user, "color")).await,
        "SetSetting" => proxy.call_method(method, &(user, "core", "lang", "en", none())).await,
        "DeleteSetting" => proxy.call_method(method, &(user, "core", "lang")).await,
        "SetProfile" => proxy.call_method(method, &(user, "pronouns", "she/her", none())).await,
        "DeleteProfile" => proxy.call_method(method, &(user, "pronouns")).await,
        "CreateToken" => {
            let scope = one("scope", Variant::new(vec!["dovecot"]));
            proxy.call_method(method, &(user, "script", scope)).await
        }
        "RevokeToken" => proxy.call_method(method, &(user, 1_i64)).await,
        "RevokeTokens" => proxy.call_method(method, &("bob", none())).await,
        "ReserveUid" => proxy.call_method(method, &()).await,
        "ClearPassword" | "LockUser" | "UnlockUser" | "DisableUser" | "EnableUser" => {
            proxy.call_method(method, &(user,)).await
        }
        "DeleteGroup" => proxy.call_method(method, &("eng",)).await,
        "DeleteUser" => {
            proxy.call_method(method, &(user, one("home", Variant::new("archive")))).await
        }
        "RestoreUser" => proxy.call_method(method, &(user, none())).await,
        "PurgeUser" => proxy.call_method(method, &("carol",)).await,
        "ImportUsers" => {
            let record =
                secret("{\"name\":\"frank\",\"tags\":[\"x\"],\"sudo_commands\":[\"/usr/bin/id\"]}");
            proxy.call_method(method, &(record, none())).await
        }
        "SyncUsers" => proxy.call_method(method, &(vec!["dave"], none())).await,
        other => panic!("{other} changes something, and its plan is not tested here: add it"),
    }
}

async fn proxy<'a>(connection: &'a Connection, interface: &'a str) -> Proxy<'a> {
    Proxy::new(connection, "org.roster.Accounts1", "/org/roster/Accounts1", interface)
        .await
        .unwrap()
}

/// The methods of an interface.
fn methods(xml: &str, interface: &str) -> BTreeSet<String> {
    let members = members(xml, interface).into_iter();
    members
        .filter_map(|member| {
            let name = member.strip_prefix("method name=\"")?.split('"').next()?;
            Some(name.to_owned())
        })
        .collect()
}

/// What must be the same after a plan: the store, and every file outside of it.
#[derive(PartialEq)]
struct Everything {
    rows: Vec<String>,
    files: BTreeMap<String, (u32, Vec<u8>)>,
}

fn everything(bus: &PrivateBus) -> Everything {
    let rows = bus.service.read(|db| Ok(db.dump()?)).unwrap();
    let mut files = BTreeMap::new();
    collect(bus.dir.path(), &mut files);
    Everything { rows, files }
}

fn collect(directory: &Path, files: &mut BTreeMap<String, (u32, Vec<u8>)>) {
    use std::os::unix::fs::MetadataExt;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let meta = std::fs::symlink_metadata(&path).unwrap();
        // SQLite's own scratch; what the database holds is compared by itself.
        let scratch = ["db-wal", "db-shm"].iter().any(|end| path.to_string_lossy().ends_with(end));
        let content =
            if meta.is_file() && !scratch { std::fs::read(&path).unwrap() } else { Vec::new() };
        files.insert(path.display().to_string(), (meta.mode(), content));
        if meta.is_dir() {
            collect(&path, files);
        }
    }
}

/// bob, who has a second factor.
fn add_bob(bus: &PrivateBus) {
    bus.create(json!({"name": "bob", "uid": 3006}));
    let service = &bus.service;
    let bob = accounts::Subject::Name("bob".to_owned());
    let (caller, target) = (service.caller(0).unwrap(), service.target(&bob).unwrap());
    let Decision::Allow(grant) = decide(&caller, Action::TwoFactorManage, Some(&target)) else {
        panic!("root may")
    };
    let enrolment = service.enroll_totp(&grant, &bob, 6, 30).unwrap();
    let totp = totp_rs::Totp::from_url(enrolment.uri.as_str().unwrap()).unwrap();
    let code = totp.generate(service.now().unsigned_abs()).to_string();
    service.confirm_totp(&grant, &bob, &Secret::from(code)).unwrap();
}

/// An app password of bob's, made after alice's.
fn add_token_of_bob(bus: &PrivateBus) {
    let bob = accounts::Subject::Name("bob".to_owned());
    let (caller, target) = (bus.service.caller(0).unwrap(), bus.service.target(&bob).unwrap());
    let Decision::Allow(grant) = decide(&caller, Action::TokenCreate, Some(&target)) else {
        panic!("root may")
    };
    let name = accounts::TokenName::parse("script").unwrap();
    bus.service.create_token(&grant, &bob, &name, &[], None).unwrap();
}

/// The token that the method takes, as it is mailed to alice.
fn mailed_token(bus: &PrivateBus, method: &str) -> String {
    let alice = || bus.service.user(&accounts::Subject::Name("alice".to_owned())).unwrap().id;
    let by = Actor::daemon();
    let token = match method {
        "ResetPassword" => bus.service.issue_reset_token(&by, alice()).unwrap(),
        "ConfirmEmail" => bus.service.issue_email_token(&by, alice()).unwrap(),
        _ => return String::new(),
    };
    token.as_str().unwrap().to_owned()
}

/// carol, who is deleted.
fn add_and_delete_carol(bus: &PrivateBus) {
    bus.create(json!({"name": "carol", "uid": 3007}));
    let carol = accounts::Subject::Name("carol".to_owned());
    let (caller, target) = (bus.service.caller(0).unwrap(), bus.service.target(&carol).unwrap());
    let Decision::Allow(grant) = decide(&caller, Action::UserDelete, Some(&target)) else {
        panic!("root may")
    };
    bus.service.delete_user(&grant, &carol, DeleteOptions::default()).unwrap();
}

/// dave, who was put into a group of the host that is gone by now, and one that has another number.
fn add_dave(bus: &PrivateBus) {
    let file = bus.dir.path().join("group");
    let groups = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{groups}press:x:991:\nradio:x:992:\n")).unwrap();
    bus.create(json!({"name": "dave", "uid": 3008, "groups": ["press", "radio"]}));
    std::fs::write(&file, format!("{groups}radio:x:993:\n")).unwrap();
}

/// Where the audit row of a change has it.
fn in_row<'a>(row: &'a Value, change: &Value) -> &'a Value {
    let (kind, name) = (change["kind"].as_str().unwrap(), change["name"].as_str().unwrap());
    let field = change["field"].as_str().unwrap();
    match row.get(format!("{kind} {name}")) {
        Some(thing) => &thing[field],
        None => &row[field],
    }
}

#[test]
fn every_verb_has_a_plan_that_changes_nothing_and_comes_true() {
    let bus = PrivateBus::new();
    add_bob(&bus);
    add_and_delete_carol(&bus);
    add_dave(&bus);
    let xml = bus.call_as(ROOT, |connection| async move {
        introspect(&connection, "/org/roster/Accounts1").await
    });
    let mut home = BTreeMap::new();
    for interface in INTERFACES {
        for method in methods(&xml, interface) {
            if !READS.contains(&method.as_str()) {
                assert!(
                    home.insert(method.clone(), interface).is_none(),
                    "{method} is there twice"
                );
            }
        }
    }
    let planned = methods(&xml, PLAN);
    assert_eq!(planned, home.keys().cloned().collect(), "each verb has a plan");
    let here: BTreeSet<_> = METHODS.iter().map(|method| (*method).to_owned()).collect();
    assert_eq!(planned, here, "and each is tested here");

    let mut events = bus.service.subscribe();
    for method in METHODS {
        if *method == "RevokeTokens" {
            add_token_of_bob(&bus);
        }
        // alice's own verb; the bus knows no other user of ours.
        let caller = if *method == "ChangePassword" { ALICE } else { ROOT };
        let token = &mailed_token(&bus, method);
        let before = everything(&bus);
        while events.try_recv().is_ok() {}
        let plan = bus.call_as(caller, |connection| async move {
            let answer = call(&proxy(&connection, PLAN).await, method, token).await;
            let answer = answer.unwrap_or_else(|error| panic!("{method}: {error}"));
            record(&answer.body().deserialize::<Dictionary>().unwrap())
        });
        assert_eq!(plan["verb"], *method);
        let changes = plan["changes"].as_array().unwrap();
        assert!(!changes.is_empty(), "{method}: {plan}");
        let text = plan.to_string();
        assert!(
            !text.contains(FIRST) && !text.contains("argon2") && !text.contains("$y$"),
            "{method}: {text}"
        );
        let after = everything(&bus);
        assert_eq!(before.rows, after.rows, "{method} has changed the store");
        assert!(before == after, "{method} has changed a file");
        assert!(events.try_recv().is_err(), "{method} was told to listeners");

        if WITH_A_CODE.contains(method) {
            continue;
        }
        let audited = before.rows.iter().filter(|row| row.starts_with("audit ")).count() as i64;
        let interface = home[*method];
        bus.call_as(caller, |connection| async move {
            let done = call(&proxy(&connection, interface).await, method, token).await;
            done.unwrap_or_else(|error| panic!("{method}: {error}"));
        });
        let rows = bus.service.read(|db| Ok(db.audit_rows(audited, 100)?)).unwrap();
        for secret in [FIRST, SECOND, "argon2", "$y$", "AAAAC3Nza", "otpauth"] {
            assert!(rows.iter().all(|row| !row.change.contains(secret)), "{method}: {rows:?}");
        }
        let rows: Vec<Value> =
            rows.iter().map(|row| serde_json::from_str(&row.change).unwrap()).collect();
        let elsewhere = ["uid", "host_group", "mail"];
        let of_record = |change: &&Value| !elsewhere.iter().any(|kind| change["kind"] == *kind);
        for change in changes.iter().filter(of_record) {
            let planned = |end: &str| change.get(end).unwrap_or(&Value::Null);
            // Where several users change, each has a row.
            let kept = rows.iter().map(|row| in_row(row, change)).any(|kept| {
                !kept.is_null() && ["from", "to"].iter().all(|end| &kept[*end] == planned(end))
            });
            assert!(kept, "{method}: {change} is not in {rows:?}");
        }
    }
}

#[test]
fn a_plan_is_refused_as_the_verb_would_be() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice", "ssh_keys": [KEY], "role": "admin"}));
    let before = everything(&bus);
    let refused = |caller: u32, method: &'static str, subject: &'static str| {
        let answer = bus.call_as(caller, |connection| async move {
            proxy(&connection, PLAN).await.call_method(method, &(subject,)).await.map(|_| ())
        });
        match CallError::from(answer.unwrap_err()) {
            CallError::Refused(error) => error.name,
            other => panic!("{other}"),
        }
    };
    assert_eq!(refused(STRANGER, "LockUser", "alice"), ErrorName::NotAuthorized);
    assert_eq!(refused(STRANGER, "DisableUser", "alice"), ErrorName::NotAuthorized);
    assert_eq!(refused(ROOT, "LockUser", "alice"), ErrorName::LastAdministrator);
    assert_eq!(refused(ROOT, "LockUser", "nobody"), ErrorName::NoSuchUser);
    assert_eq!(refused(ROOT, "UnlockUser", "alice"), ErrorName::AlreadyInState);
    assert_eq!(refused(ROOT, "ClearPassword", "alice"), ErrorName::AlreadyInState);
    assert_eq!(refused(ROOT, "DeleteGroup", "nogroup"), ErrorName::NoSuchGroup);
    assert!(everything(&bus) == before);
    // What changes nothing needs no plan, and has none.
    let read = bus.call_as(ROOT, |connection| async move {
        proxy(&connection, PLAN).await.call_method("GetUser", &("alice",)).await.map(|_| ())
    });
    assert!(matches!(CallError::from(read.unwrap_err()), CallError::Other(_)));
}

#[test]
fn a_plan_is_no_place_to_try_passwords_and_codes() {
    let bus = PrivateBus::new();
    add_bob(&bus);
    bus.create(json!({"name": "alice", "uid": ALICE}));
    bus.accounts_as(
        ROOT,
        |a| async move { a.set_password("alice", secret(FIRST), [].into()).await },
    )
    .unwrap();
    let before = everything(&bus);
    for (old, code) in [(FIRST, "000000"), ("not the password", "123456")] {
        let plans = bus.call_as(ALICE, |connection| async move {
            let plans = proxy(&connection, PLAN).await;
            let body = (secret(old), secret(SECOND));
            let plan = plans.call_method("ChangePassword", &body).await.unwrap();
            record(&plan.body().deserialize::<Dictionary>().unwrap())
        });
        assert!(plans["warnings"].to_string().contains("was not checked"), "{plans}");
        let plan = bus.call_as(ROOT, |connection| async move {
            let plans = proxy(&connection, PLAN).await;
            let plan = plans.call_method("VerifyTotp", &("bob", secret(code))).await.unwrap();
            record(&plan.body().deserialize::<Dictionary>().unwrap())
        });
        assert!(plan["warnings"].to_string().contains("was not checked"), "{plan}");
    }
    assert!(everything(&bus) == before, "no try was counted");
}
