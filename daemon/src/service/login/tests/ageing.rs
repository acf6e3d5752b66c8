//! What the age of a password and of an account means, to the day and to the second, and when the
//! clock jumps.

use super::*;

const DAY: i64 = 24 * 60 * 60;

fn account(house: &House) -> Step {
    house.hold(start(Phase::Account, "sshd"), &[]).1
}

fn standing_of(house: &House) -> Code {
    code_of(&account(house))
}

/// A change that a login forces.
fn forced() -> Start {
    Start { only_expired: true, ..start(Phase::ChangePassword, "sshd") }
}

fn own_change() -> Start {
    Start { caller_uid: 3000, ..start(Phase::ChangePassword, "passwd") }
}

fn set(house: &House, password: &str, expire: bool) {
    let grant = house.root(Action::PasswordSet);
    let password = NewPassword::Given(secret(password));
    house.service.set_password(&grant, &subject("alice"), password, expire).unwrap();
}

/// Seconds until the next day begins.
fn until_tomorrow(house: &House) -> i64 {
    DAY - house.service.now().rem_euclid(DAY)
}

#[test]
fn an_account_expires_at_its_second() {
    let house = House::new();
    let at = accounts::Timestamp(house.service.now() + 100);
    house.update(json!({"expires_at": at.to_string()}));
    house.clock.forward(99);
    assert_eq!(standing_of(&house), Code::Success);
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
    house.clock.forward(1);
    assert_eq!(standing_of(&house), Code::AccountExpired);
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::AuthenticationFailed);
    assert_eq!(house.verdict(own_change(), &[]), Code::PermissionDenied);
    house.clock.forward(-1);
    assert_eq!(standing_of(&house), Code::Success);
}

#[test]
fn a_password_is_due_with_the_day_after_its_last_and_inactive_after_the_days_for_that() {
    let house = House::new();
    house.update(json!({"password_max_age": 90, "password_inactive": 14, "password_warn": 7}));
    house.clock.forward(until_tomorrow(&house) - 1 + 90 * DAY);
    let step = account(&house);
    assert_eq!(code_of(&step), Code::Success);
    assert_eq!(step.messages[0].text, "Your password expires today.");
    house.clock.forward(1);
    assert_eq!(standing_of(&house), Code::NewPasswordRequired);
    // The password itself is still right: the change asks for it.
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
    house.clock.forward(14 * DAY - 1);
    assert_eq!(standing_of(&house), Code::NewPasswordRequired);
    house.clock.forward(1);
    assert_eq!(standing_of(&house), Code::PasswordExpired);
}

#[test]
fn the_warning_begins_on_its_day() {
    let house = House::new();
    house.update(json!({"password_max_age": 90, "password_warn": 7}));
    house.clock.forward(until_tomorrow(&house) + 82 * DAY);
    assert!(account(&house).messages.is_empty(), "seven days are left");
    house.clock.forward(DAY);
    assert_eq!(account(&house).messages[0].text, "Your password expires in 6 days.");
    house.clock.forward(5 * DAY);
    assert_eq!(account(&house).messages[0].text, "Your password expires tomorrow.");
}

#[test]
fn a_due_password_is_changed_at_the_login_and_the_days_begin_anew() {
    let house = House::new();
    house.update(json!({"password_max_age": 90, "password_min_age": 120}));
    house.clock.forward(91 * DAY);
    assert_eq!(standing_of(&house), Code::NewPasswordRequired);
    let check = Start { phase: Phase::CheckPasswordChange, ..forced() };
    assert_eq!(house.verdict(check, &[]), Code::Success, "what is due is never too early");
    let answers = [PASSWORD, "nine amber otters", "nine amber otters"];
    assert_eq!(house.verdict(forced(), &answers), Code::Success);
    assert_eq!(standing_of(&house), Code::Success);
    assert_eq!(house.verdict(ssh(), &["nine amber otters"]), Code::Success);
    // Nothing is due any more, so there is nothing to change for a login.
    assert_eq!(house.verdict(forced(), &[]), Code::Success);
    assert_eq!(house.verdict(own_change(), &[]), Code::PasswordUnchanged, "too young by now");
}

#[test]
fn a_wrong_old_password_changes_nothing_at_a_forced_change() {
    let house = House::new();
    set(&house, "temporary secret words", true);
    assert_eq!(standing_of(&house), Code::NewPasswordRequired);
    assert_eq!(house.verdict(forced(), &["wrong"]), Code::AuthenticationFailed);
    assert_eq!(standing_of(&house), Code::NewPasswordRequired);
}

#[test]
fn an_inactive_password_opens_nothing_until_root_sets_another_one() {
    let house = House::new();
    house.update(json!({"password_max_age": 30, "password_inactive": 3}));
    // Also one that root has set to be changed: it does not stay good for ever.
    for expire in [false, true] {
        set(&house, "temporary secret words", expire);
        house.clock.forward(35 * DAY);
        assert_eq!(standing_of(&house), Code::PasswordExpired, "{expire}");
        for start in [forced(), own_change()] {
            let (asked, step) = house.hold(start, &[]);
            assert!(asked.is_empty());
            assert_eq!(code_of(&step), Code::PasswordExpired);
            assert!(step.messages[0].text.contains("Call an administrator"));
        }
    }
    let root = Start { caller_uid: 0, ..own_change() };
    let new = "nine amber otters";
    assert_eq!(house.verdict(root, &[new, new]), Code::Success);
    assert_eq!(standing_of(&house), Code::Success);
    assert_eq!(house.verdict(ssh(), &[new]), Code::Success);
}

#[test]
fn a_cleared_password_is_none_at_all() {
    let house = House::new();
    house.update(json!({"password_max_age": 1, "password_inactive": 0}));
    let grant = house.root(Action::PasswordSet);
    house.service.clear_password(&grant, &subject("alice")).unwrap();
    for tried in ["", PASSWORD, "x", "!", "*"] {
        assert_eq!(house.verdict(ssh(), &[tried]), Code::AuthenticationFailed, "{tried:?}");
        house.clock.forward(1000);
    }
    assert_eq!(house.verdict(own_change(), &[""]), Code::AuthenticationFailed);
    house.clock.forward(100 * DAY);
    assert_eq!(standing_of(&house), Code::Success, "a key does not age");
    assert_eq!(house.verdict(forced(), &[]), Code::Success, "nothing is due");
    set(&house, "nine amber otters", false);
    assert_eq!(house.verdict(ssh(), &["nine amber otters"]), Code::Success);
}

#[test]
fn the_clock_an_hour_back_changes_nothing() {
    let house = House::new();
    house.update(json!({"password_max_age": 90, "password_min_age": 1, "password_inactive": 14}));
    house.clock.forward(until_tomorrow(&house));
    set(&house, "nine amber otters", false);
    house.verdict(ssh(), &["wrong"]);
    // Into the day before.
    house.clock.forward(-3600);
    assert_eq!(standing_of(&house), Code::Success);
    assert_eq!(house.verdict(ssh(), &["nine amber otters"]), Code::Success);
    let (_, step) = house.hold(own_change(), &[]);
    assert!(step.messages[0].text.contains("tomorrow"), "{step:?}");
}

#[test]
fn the_clock_a_year_ahead_leaves_no_trace_once_it_is_right_again() {
    const YEAR: i64 = 366 * DAY;
    let house = House::new();
    house.update(json!({"password_max_age": 90, "password_min_age": 1, "password_inactive": 14}));
    let before = house.service.dump();
    house.clock.forward(YEAR);
    assert_eq!(standing_of(&house), Code::PasswordExpired);
    assert_eq!(house.verdict(forced(), &[]), Code::PasswordExpired);
    house.clock.forward(-YEAR);
    assert_eq!(standing_of(&house), Code::Success);
    assert_eq!(house.service.dump(), before);
    // A change made meanwhile counts as one of today, and not as one in a year.
    house.clock.forward(YEAR);
    set(&house, "nine amber otters", false);
    assert_eq!(standing_of(&house), Code::Success);
    house.clock.forward(-YEAR);
    assert_eq!(standing_of(&house), Code::Success);
    let (_, step) = house.hold(own_change(), &[]);
    assert!(step.messages[0].text.contains("tomorrow"), "{step:?}");
    assert_eq!(house.verdict(ssh(), &["nine amber otters"]), Code::Success);
}

#[test]
fn ages_without_a_longest_one_mean_nothing() {
    let house = House::new();
    house.update(json!({"password_inactive": 0, "password_warn": 30}));
    house.clock.forward(5000 * DAY);
    assert_eq!(account(&house), super::verdict(Code::Success));
}
