//! Logging in with a password.

use super::*;

#[test]
fn the_right_password_and_no_other() {
    let house = House::new();
    let (asked, step) = house.hold(ssh(), &[PASSWORD]);
    assert_eq!(asked, ["Password: "]);
    assert_eq!(code_of(&step), Code::Success);
    let Next::Verdict(verdict) = step.next else { unreachable!() };
    assert_eq!(verdict.password_length, Some(13));
    for wrong in ["", "correct hors", "CORRECT HORSE", "correct horse123456"] {
        assert_eq!(house.verdict(ssh(), &[wrong]), Code::AuthenticationFailed, "{wrong:?}");
    }
}

#[test]
fn every_reason_to_refuse_looks_the_same() {
    type Arrange = fn(&House);
    let reasons: [(&str, Arrange); 6] = [
        ("wrong password", |_| {}),
        ("locked", |house| house.update(json!({"locked": true}))),
        ("expired", |house| house.update(json!({"expires_at": "2001-01-01"}))),
        ("not over ssh", |house| house.update(json!({"ssh_password_enabled": false}))),
        ("no password", |house| {
            let grant = house.root(Action::PasswordSet);
            house.service.clear_password(&grant, &subject("alice")).unwrap();
        }),
        ("throttled", |house| {
            for _ in 0..5 {
                house.verdict(ssh(), &["wrong"]);
            }
        }),
    ];
    for (name, arrange) in reasons {
        let house = House::new();
        arrange(&house);
        let answer = if name == "wrong password" { "wrong" } else { PASSWORD };
        let (asked, step) = house.hold(ssh(), &[answer]);
        assert_eq!(asked, ["Password: "], "{name}");
        let expected = super::verdict(Code::AuthenticationFailed);
        assert_eq!(step, expected, "{name}");
    }
}

#[test]
fn failures_cost_a_growing_wait_from_their_host_only_and_success_forgets_them() {
    let house = House::new();
    let elsewhere = || Start { remote_host: Some("198.51.100.7".into()), ..ssh() };
    for _ in 0..4 {
        house.verdict(ssh(), &["wrong"]);
    }
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success, "four are free");
    assert_eq!(house.failures(ThrottleKind::Password, "192.0.2.1"), 0);
    for _ in 0..5 {
        house.verdict(ssh(), &["wrong"]);
    }
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::AuthenticationFailed, "the fifth costs");
    assert_eq!(house.verdict(elsewhere(), &[PASSWORD]), Code::Success, "from elsewhere");
    // A stranger who keeps trying does not lengthen the wait.
    house.verdict(ssh(), &["wrong"]);
    assert_eq!(house.failures(ThrottleKind::Password, "192.0.2.1"), 5);
    house.clock.forward(2);
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
}

#[test]
fn waits_outlast_a_restart() {
    let fixture = Fixture::new();
    let fields = json!({"name": "alice", "ssh_password_enabled": true});
    fixture.create_with(fields, NewPassword::Given(secret(PASSWORD))).unwrap();
    let user = fixture.service.user(&subject("alice")).unwrap();
    let attempt = Attempt { user: user.id, remote: "192.0.2.1" };
    let wrong = PasswordTry { matches: false, welcome: true };
    for _ in 0..5 {
        fixture.service.settle_password(attempt, wrong).unwrap();
    }
    let fixture = fixture.restarted();
    let right = PasswordTry { matches: true, welcome: true };
    assert_eq!(fixture.service.settle_password(attempt, right).unwrap(), Tried::TooSoon(2));
}

#[test]
fn right_passwords_at_the_same_time_never_lock() {
    let house = House::new();
    std::thread::scope(|scope| {
        let logins: Vec<_> =
            (0..16).map(|_| scope.spawn(|| house.verdict(ssh(), &[PASSWORD]))).collect();
        for login in logins {
            assert_eq!(login.join().unwrap(), Code::Success);
        }
    });
}

#[test]
fn guesses_at_the_same_time_count_as_those_in_a_row() {
    let house = House::new();
    std::thread::scope(|scope| {
        let guesses: Vec<_> =
            (0..50).map(|_| scope.spawn(|| house.verdict(ssh(), &["wrong"]))).collect();
        for guess in guesses {
            assert_eq!(guess.join().unwrap(), Code::AuthenticationFailed);
        }
    });
    // The fifth made all after it wait.
    assert_eq!(house.failures(ThrottleKind::Password, "192.0.2.1"), 5);
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::AuthenticationFailed);
    let user = house.service.user(&subject("alice")).unwrap();
    let login = house.service.read(|db| Ok(db.login(user.id)?)).unwrap();
    assert_eq!(login.failures_since, 51);
}

#[test]
fn only_the_password_clears_its_failures() {
    let house = House::new();
    for _ in 0..3 {
        house.verdict(ssh(), &["wrong"]);
    }
    // A key, a job, sudo without a password: the session begins, and nobody has shown the password.
    assert_eq!(house.verdict(with_key(), &[]), Code::Success);
    for service in ["sshd", "cron", "sudo", "su", "login"] {
        assert_eq!(house.verdict(start(Phase::Account, service), &[]), Code::Success);
        assert_eq!(house.verdict(start(Phase::OpenSession, service), &[]), Code::Success);
    }
    assert_eq!(house.failures(ThrottleKind::Password, "192.0.2.1"), 3);
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
    assert_eq!(house.failures(ThrottleKind::Password, "192.0.2.1"), 0);
}

#[test]
fn what_sshd_sends_for_users_it_refuses_is_not_counted() {
    let house = House::new();
    for length in [1, 4, 5, 12, 13, 14, 26, 30, 40, 100] {
        let junk = "\x08\n\r\x7fINCORRECT".repeat(8);
        let refused = house.verdict(ssh(), &[&junk[..length]]);
        assert_eq!(refused, Code::AuthenticationFailed);
    }
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
}

#[test]
fn an_old_hash_is_replaced_at_login_without_touching_its_age() {
    let house = House::new();
    let user = house.service.user(&subject("alice")).unwrap();
    let old = PasswordHasher::new(Parameters { memory_kib: 128, passes: 2, lanes: 1 }, 1024)
        .unwrap()
        .hash(&secret(PASSWORD))
        .unwrap();
    let stored = || house.service.read(|db| Ok(db.password(user.id)?.unwrap())).unwrap();
    let before = stored();
    house.service.note(|db| Ok(db.rehash_password(user.id, &before.phc, &old)?)).unwrap();
    house.clock.forward(1000);
    assert_eq!(house.verdict(ssh(), &["wrong"]), Code::AuthenticationFailed);
    assert_eq!(stored().phc, old, "a wrong password changes nothing");
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
    let after = stored();
    assert!(after.phc.contains("m=64,t=1,p=1"), "the configured costs");
    assert_eq!(after.changed_at, before.changed_at);
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
}
