//! App passwords at PAM's doors, and logins by token.

use roster_tests::Machine;
use serde_json::Value;

use crate::people::{ALICES, BOB, add_alice, add_bob, change_own_password, ssh};

/// A service of its own, such as a mail server has.
fn add_service(m: &Machine, name: &str) {
    m.write(&format!("/etc/pam.d/{name}"), "@include common-auth\n@include common-account\n");
}

fn app_password(m: &Machine, scope: &[&str]) -> (String, String) {
    let scope: Vec<String> = scope.iter().map(|service| format!("--scope={service}")).collect();
    let words = ["--json", "token", "create", "alice", "--name", "Mail on the phone"];
    let answer = m.roster(words.into_iter().chain(scope.iter().map(String::as_str))).ok().json();
    (answer["id"].to_string(), answer["token"].as_str().unwrap().to_owned())
}

fn pam(m: &Machine, service: &str, secret: &str) -> roster_tests::Run {
    m.sh(&format!("pamtester {service} alice authenticate acct_mgmt")).stdin(format!("{secret}\n"))
}

#[test]
fn an_app_password_is_for_the_services_of_its_scope() {
    let m = Machine::boot("app-password").unwrap();
    add_alice(&m);
    add_service(&m, "dovecot");
    add_service(&m, "smtp");
    let (id, app) = app_password(&m, &["dovecot"]);
    pam(&m, "dovecot", ALICES).ok();
    pam(&m, "dovecot", &app).ok();
    pam(&m, "dovecot", &app.replace('-', "").to_uppercase()).ok();
    pam(&m, "smtp", &app).fails();
    let tokens = m.roster(["--json", "token", "list", "alice"]).ok().json();
    assert_eq!(tokens[0]["scope"], serde_json::json!(["dovecot"]));
    assert!(tokens[0]["last_used_at"].is_string(), "{tokens}");

    // It stands for the code too.
    let enrolment = m.roster(["--json", "2fa", "enroll", "alice"]).ok().json();
    m.write("/root/alice.secret", enrolment["secret"].as_str().unwrap());
    m.sh(
        "oathtool --totp -b \"$(cat /root/alice.secret)\" | roster 2fa confirm alice --code-stdin",
    )
    .ok();
    pam(&m, "dovecot", &app).ok();
    pam(&m, "dovecot", ALICES).fails();

    // The user itself ends it.
    m.run_as("alice", &format!("roster token revoke alice {id}")).ok();
    pam(&m, "dovecot", &app).fails();
    let journal = m.sh("journalctl --no-pager --output=verbose").ok().stdout;
    assert!(!journal.contains(&app), "the journal shows an app password");
}

#[test]
fn shells_and_other_users_are_not_behind_an_app_password() {
    let m = Machine::boot("app-password-doors").unwrap();
    add_bob(&m);
    add_alice(&m);
    add_service(&m, "dovecot");
    m.roster(["sudo", "grant", "alice", "/usr/bin/id"]).ok();
    let (_, app) = app_password(&m, &[]);
    let sudo =
        |secret: &str| m.run_as("alice", &format!("echo '{secret}' | sudo -S -k /usr/bin/id"));
    let su = |secret: &str| m.run_as(BOB, &format!("echo '{secret}' | su - alice -c 'id -un'"));
    sudo(ALICES).ok().says("uid=0");
    su(ALICES).ok().says("alice");
    pam(&m, "dovecot", &app).ok();
    sudo(&app).fails();
    su(&app).fails();
    pam(&m, "login", &app).fails();
    ssh(&m, "alice", &app).fails();
    m.sh("roster user unlock alice").ok();

    let (_, app) = app_password(&m, &["sudo", "sshd"]);
    sudo(&app).ok().says("uid=0");
    ssh(&m, "alice", &app).ok().says("in as alice");
    su(&app).fails();
    // Whose programs are overheard makes no way to root of it.
    m.run_as("alice", "roster token create alice --name x --scope sudo").exits(10);
    m.run_as("alice", "roster token create alice --name x --scope dovecot").ok();
    m.run_as(BOB, "roster token list alice").exits(10);
    // And it is no password: it changes none.
    change_own_password(&m, "alice", &app, "eleven copper lanterns waiting").fails();
    ssh(&m, "alice", ALICES).ok();
}

fn log_in(m: &Machine) -> Value {
    let words = ["--json", "login", "alice", "--password-stdin"];
    m.roster(words).stdin(format!("{ALICES}\n")).ok().json()
}

fn handed_in(m: &Machine, verb: &str, token: &Value) -> roster_tests::Run {
    let words = ["--json", verb, "--token-stdin"];
    m.roster(words).stdin(format!("{}\n", token.as_str().unwrap()))
}

#[test]
fn a_login_gives_tokens_that_are_refreshed_and_told() {
    let m = Machine::boot("tokens").unwrap();
    add_bob(&m);
    add_alice(&m);
    // Anybody may try, and hears no more than yes or no.
    let by_bob = |name: &str, password: &str| {
        m.run_as(BOB, &format!("echo '{password}' | roster login {name} --password-stdin"))
    };
    by_bob("alice", ALICES).ok().says("roster_at_");
    let told = by_bob("alice", "wrong").exits(1).all();
    assert_eq!(by_bob("nobody-like-that", "wrong").exits(1).all(), told);

    let first = log_in(&m);
    let whose = handed_in(&m, "whoami", &first["access_token"]).ok().json();
    assert_eq!((&whose["user"], &whose["kind"]), (&"alice".into(), &"access".into()));
    handed_in(&m, "whoami", &first["refresh_token"]).exits(1);
    let second = handed_in(&m, "refresh", &first["refresh_token"]).ok().json();
    handed_in(&m, "whoami", &first["access_token"]).exits(1);
    handed_in(&m, "whoami", &second["access_token"]).ok();
    // Taken a second time: somebody else has it, and the login ends.
    handed_in(&m, "refresh", &first["refresh_token"]).exits(1);
    handed_in(&m, "whoami", &second["access_token"]).exits(1);
    handed_in(&m, "refresh", &second["refresh_token"]).exits(1);
    m.roster(["audit", "list", "--user", "alice"]).ok().says("token-reused");
}

#[test]
fn tokens_end_with_the_password_and_with_the_account() {
    let m = Machine::boot("tokens-end").unwrap();
    add_alice(&m);
    add_service(&m, "dovecot");
    let is_over = |tokens: &Value, app: &str| {
        handed_in(&m, "whoami", &tokens["access_token"]).exits(1);
        handed_in(&m, "refresh", &tokens["refresh_token"]).exits(1);
        pam(&m, "dovecot", app).fails();
        m.roster(["user", "unlock", "alice"]).run();
    };
    let new = || (log_in(&m), app_password(&m, &[]).1);
    let set_password = || {
        let words = ["user", "password", "alice", "--password-stdin"];
        m.roster(words).stdin(format!("{ALICES}\n")).ok();
    };

    let (tokens, app) = new();
    let user = m.roster(["--json", "user", "show", "alice"]).ok().json();
    assert_eq!(user["tokens"].as_array().unwrap().len(), 2, "{user}");
    set_password();
    is_over(&tokens, &app);

    let (tokens, app) = new();
    m.roster(["user", "lock", "alice"]).ok();
    handed_in(&m, "whoami", &tokens["access_token"]).exits(1);
    pam(&m, "dovecot", &app).fails();
    m.roster(["user", "unlock", "alice"]).ok();
    handed_in(&m, "whoami", &tokens["access_token"]).ok();
    m.roster(["user", "disable", "alice"]).ok();
    m.roster(["user", "enable", "alice"]).ok();
    is_over(&tokens, &app);

    let (tokens, app) = new();
    m.roster(["user", "delete", "alice"]).ok();
    m.roster(["user", "restore", "alice"]).ok();
    is_over(&tokens, &app);
    let left = m.roster(["--json", "token", "list", "alice"]).ok().json();
    assert_eq!(left, serde_json::json!([]));
}
