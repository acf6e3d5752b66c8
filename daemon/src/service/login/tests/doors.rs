//! Who may ask, in which order, and what happens without a store.

use super::*;

#[test]
fn who_is_not_ours_is_unknown_in_every_phase() {
    let house = House::new();
    for phase in [Phase::Authenticate, Phase::Account, Phase::ChangePassword, Phase::OpenSession] {
        for user in ["root", "bob", "", "alice\0", "ALICE", "3000", "*"] {
            let start = Start { user: user.into(), ..start(phase, "login") };
            assert_eq!(house.verdict(start, &[]), Code::UserUnknown, "{user:?}");
        }
    }
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
        sealer: crate::authenticate::Sealer::new([0; 32]),
        host: crate::publish::host::Host::system(),
    };
    let broken = Arc::new(Service::start(parts));
    for phase in [Phase::Authenticate, Phase::Account, Phase::ChangePassword, Phase::OpenSession] {
        let (_, step) = Login::open(Arc::clone(&broken), 0, start(phase, "sshd")).unwrap();
        assert_eq!(code_of(&step), Code::Unavailable, "{phase:?}");
    }
}
