//! Answers that are no passwords anybody could have.

use super::*;

fn odd() -> Vec<Secret> {
    let long = vec![b'x'; 1024 * 1024];
    let bytes: [&[u8]; 6] = [
        b"\0",
        b"correct horse\0",
        b"\xff\xfe\xfd",
        b"\xc3\x28 correct",
        b"\x1b[2J correct",
        &long,
    ];
    bytes.into_iter().map(|bytes| Secret::new(bytes.to_vec())).collect()
}

#[test]
fn they_are_wrong_and_nothing_else() {
    let house = House::new();
    for answer in odd() {
        let (mut login, _) = house.open(ssh());
        let step = login.answer(answer).unwrap();
        assert_eq!(step, super::verdict(Code::AuthenticationFailed));
        let (mut login, _) =
            house.open(Start { caller_uid: 3000, ..start(Phase::ChangePassword, "passwd") });
        house.clock.forward(1000);
        let step = login.answer(odd().remove(1)).unwrap();
        assert_eq!(code_of(&step), Code::AuthenticationFailed);
        house.clock.forward(1000);
    }
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
}

#[test]
fn as_new_passwords_they_are_refused_with_the_reason() {
    let house = House::new();
    for new in odd() {
        for (caller_uid, old) in [(0, None), (3000, Some(PASSWORD))] {
            let passwd = Start { caller_uid, ..start(Phase::ChangePassword, "passwd") };
            let (mut login, _) = house.open(passwd);
            if let Some(old) = old {
                login.answer(secret(old)).unwrap();
            }
            let step = login.answer(new.clone()).unwrap();
            assert!(matches!(&step.next, Next::Prompt(again) if again.text == "New password: "));
            let complaint = &step.messages[0].text;
            assert!(
                ["control character", "UTF-8", "longer than 1024"]
                    .iter()
                    .any(|why| complaint.contains(why)),
                "{complaint}"
            );
        }
    }
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
}

#[test]
fn root_is_warned_of_a_bad_password_and_may_go_on() {
    let house = House::new();
    let passwd = || Start { caller_uid: 0, ..start(Phase::ChangePassword, "passwd") };
    let (mut login, _) = house.open(passwd());
    let step = login.answer(secret("password1")).unwrap();
    assert!(step.messages[0].text.starts_with("BAD PASSWORD: it is too easy"), "{step:?}");
    let step = login.answer(secret("password1")).unwrap();
    assert_eq!(code_of(&step), Code::Success);
    assert_eq!(house.verdict(ssh(), &["password1"]), Code::Success);
    let rows = house.service.dump();
    assert!(rows.iter().any(|row| row.contains("password-set") && row.contains("overridden")));
    // A warning about one password says nothing about the next.
    let (mut login, _) = house.open(passwd());
    login.answer(secret("12345678")).unwrap();
    let step = login.answer(secret("mistyped")).unwrap();
    assert!(step.messages[0].text.contains("not the same"));
    login.answer(secret("nine amber otters")).unwrap();
    assert_eq!(code_of(&login.answer(secret("nine amber otters")).unwrap()), Code::Success);
    let last = house.service.dump().into_iter().rfind(|row| row.contains("password-set")).unwrap();
    assert!(!last.contains("overridden"), "{last}");
}
