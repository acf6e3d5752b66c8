//! Who may ask, in which order, and what happens without a store.

use super::*;

#[test]
fn who_is_not_ours_is_unknown_in_every_phase_but_the_first() {
    let house = House::new();
    for user in ["root", "bob", "", "alice\0", "ALICE", "3000", "*"] {
        for phase in [Phase::Account, Phase::ChangePassword, Phase::OpenSession] {
            let start = Start { user: user.into(), ..start(phase, "login") };
            assert_eq!(house.verdict(start, &[]), Code::UserUnknown, "{user:?}");
        }
        let with_key = Start { user: user.into(), ..with_key() };
        assert_eq!(house.verdict(with_key, &[]), Code::UserUnknown, "{user:?}");
    }
}

#[test]
fn a_name_that_nobody_has_is_asked_and_refused_as_any_other() {
    let house = House::new();
    let everything = || {
        let dump = house.service.read(|db| {
            let login = db.login(accounts::UserId(uuid::Uuid::nil()))?;
            Ok((login, db.throttles(accounts::UserId(uuid::Uuid::nil()))?))
        });
        dump.unwrap()
    };
    let before = everything();
    for user in ["bob", "", "alice\0", "ALICE"] {
        for answer in ["", PASSWORD, "correct horse123456", "\x08\n\r\x7f", &"x".repeat(100_000)] {
            let start = Start { user: user.into(), ..ssh() };
            let (asked, step) = house.hold(start, &[answer]);
            assert_eq!(
                (asked.as_slice(), step),
                (["Password: ".to_owned()].as_slice(), super::verdict(Code::AuthenticationFailed))
            );
        }
    }
    assert_eq!(everything(), before, "nothing is left of it");
}

#[test]
fn who_is_deleted_while_asked_is_refused_as_any_other() {
    let house = House::new();
    let (mut login, _) = house.open(ssh());
    let grant = house.root(Action::UserDelete);
    house
        .service
        .delete_user(&grant, &subject("alice"), crate::service::DeleteOptions::default())
        .unwrap();
    let step = login.answer(secret(PASSWORD)).unwrap();
    assert_eq!(step, super::verdict(Code::AuthenticationFailed));
}

#[test]
fn nobody_asks_about_others() {
    let house = House::new();
    let open = |uid| Login::open(Arc::clone(&house.service), uid, ssh());
    assert!(open(3000).is_ok());
    assert!(matches!(open(3001), Err(NotPermitted)));
    let unknown = Start { user: "bob".into(), ..ssh() };
    assert!(matches!(Login::open(Arc::clone(&house.service), 3000, unknown), Err(NotPermitted)));
}

#[test]
fn an_answer_nobody_asked_for_is_out_of_turn() {
    let house = House::new();
    let (mut login, _) = house.open(start(Phase::Account, "login"));
    assert!(login.is_over());
    assert_eq!(login.answer(secret("x")), Err(OutOfTurn));
    let (mut login, _) = house.open(ssh());
    login.answer(secret("wrong")).unwrap();
    assert_eq!(login.answer(secret(PASSWORD)), Err(OutOfTurn));
}

#[test]
fn without_a_store_nobody_is_let_in_and_nobody_is_unknown() {
    let fixture = Fixture::new();
    fixture.create(json!({"name": "alice"})).unwrap();
    let database = fixture.path("store/roster.db");
    let fixture = fixture.restarted();
    drop(fixture.service);
    std::fs::write(&database, vec![0x55; 8192]).unwrap();
    let house = House::new();
    let config = {
        let mut config = house.service.config().clone();
        config.places.store = database.parent().unwrap().to_owned();
        config
    };
    let parts = crate::service::Parts {
        config,
        clock: house.clock.clone(),
        hasher: PasswordHasher::new(Parameters { memory_kib: 64, passes: 1, lanes: 1 }, 64)
            .unwrap(),
        sealer: crate::authenticate::Sealer::open_or_create(house.directory.path(), None).unwrap(),
        host: crate::publish::host::Host::system(),
        mailer: Arc::new(crate::service::testing::TestMailer::default()),
    };
    let broken = Arc::new(Service::start(parts));
    for phase in [Phase::Authenticate, Phase::Account, Phase::ChangePassword, Phase::OpenSession] {
        let (_, step) = Login::open(Arc::clone(&broken), 0, start(phase, "sshd")).unwrap();
        assert_eq!(code_of(&step), Code::Unavailable, "{phase:?}");
    }
}
