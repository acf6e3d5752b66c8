//! Passwords that another system has hashed.

use super::*;

/// Of "Hello world!".
const HASHES: [&str; 4] = [
    "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$42RgPIrXdXSEEs77lDi/4IqKVqFBAVaHJkzw5uD1r57",
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
    "$2b$05$abcdefghijklmnopqrstuu7nFISH/8YdwlXD3lw69A4iBUf6fvWAW",
];
const IMPORTED: &str = "Hello world!";

fn import(house: &House, entry: &str) {
    let grant = house.root(Action::PasswordImport);
    house.service.import_password(&grant, &subject("alice"), &secret(entry)).unwrap();
}

fn stored(house: &House) -> PasswordRow {
    let user = house.service.user(&subject("alice")).unwrap();
    house.service.read(|db| Ok(db.password(user.id)?.unwrap())).unwrap()
}

#[test]
fn an_imported_hash_becomes_argon2id_at_the_first_success_and_keeps_its_age() {
    for hash in HASHES {
        let house = House::new();
        import(&house, &format!("alice:{hash}:19000:0:99999:7:::"));
        for wrong in ["", "wrong", PASSWORD, "Hello world!\0", "Hello world"] {
            assert_eq!(house.verdict(ssh(), &[wrong]), Code::AuthenticationFailed, "{wrong:?}");
        }
        assert_eq!(stored(&house).phc, hash, "a wrong password changes nothing");
        house.clock.forward(1000);
        assert_eq!(house.verdict(ssh(), &[IMPORTED]), Code::Success, "{hash}");
        let after = stored(&house);
        assert!(after.phc.starts_with("$argon2id$"), "{hash}");
        assert_eq!(after.changed_at, 19_000 * 24 * 60 * 60);
        assert_eq!(house.verdict(ssh(), &[IMPORTED]), Code::Success);
        assert_eq!(house.verdict(ssh(), &["wrong"]), Code::AuthenticationFailed);
    }
}

#[test]
fn an_imported_password_and_a_code_may_come_together() {
    let house = House::new();
    let (authenticator, _) = house.enrol(6);
    import(&house, HASHES[0]);
    let both = format!("{IMPORTED}{}", house.code(&authenticator));
    assert_eq!(house.verdict(ssh(), &[&both]), Code::Success);
    assert!(stored(&house).phc.starts_with("$argon2id$"));
    house.clock.forward(30);
    let both = format!("{IMPORTED}{}", house.code(&authenticator));
    assert_eq!(house.verdict(ssh(), &[&both]), Code::Success);
}

#[test]
fn what_bcrypt_does_not_see_becomes_no_part_of_the_password() {
    let house = House::new();
    // Its first 72 bytes are the password.
    let long = format!("pässwörd {}", "x".repeat(70));
    import(&house, "$2b$05$abcdefghijklmnopqrstuuvc2KjC5m0REuegNWAgwA5m2fcEc9ie2");
    assert_eq!(house.verdict(ssh(), &[&format!("{long}123456")]), Code::Success);
    assert_eq!(house.verdict(ssh(), &[&long]), Code::Success);
    assert!(stored(&house).phc.starts_with("$2b$"), "until it is changed");
}

#[test]
fn two_first_logins_at_a_time_both_get_in() {
    let house = House::new();
    import(&house, HASHES[1]);
    std::thread::scope(|scope| {
        let logins: Vec<_> =
            (0..4).map(|_| scope.spawn(|| house.verdict(ssh(), &[IMPORTED]))).collect();
        for login in logins {
            assert_eq!(login.join().unwrap(), Code::Success);
        }
    });
    assert!(stored(&house).phc.starts_with("$argon2id$"));
}

#[test]
fn a_locked_hash_locks_the_account_for_keys_too() {
    let house = House::new();
    import(&house, &format!("!{}", HASHES[0]));
    assert_eq!(house.verdict(ssh(), &[IMPORTED]), Code::AuthenticationFailed);
    assert_eq!(house.verdict(start(Phase::Account, "sshd"), &[]), Code::PermissionDenied);
    house.update(json!({"locked": false}));
    assert_eq!(house.verdict(ssh(), &[IMPORTED]), Code::Success);
}

#[test]
fn a_hash_of_the_store_that_asks_for_the_whole_machine_is_wrong_and_costs_what_all_do() {
    let house = House::new();
    let user = house.service.user(&subject("alice")).unwrap();
    for greedy in [
        // 4 TiB.
        "$argon2id$v=19$m=4294967295,t=3,p=1$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "$argon2id$v=19$m=65536,t=4294967295,p=1$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "$6$rounds=999999999$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        "$2b$31$abcdefghijklmnopqrstuu7nFISH/8YdwlXD3lw69A4iBUf6fvWAW",
        "$y$jrT$F5Jx5fExrKuPp53xLKQ..1$42RgPIrXdXSEEs77lDi/4IqKVqFBAVaHJkzw5uD1r57",
    ] {
        let row = stored(&house);
        house.service.note(|db| Ok(db.rehash_password(user.id, &row.phc, greedy)?)).unwrap();
        assert_eq!(house.verdict(ssh(), &[IMPORTED]), Code::AuthenticationFailed, "{greedy}");
        assert_eq!(stored(&house).phc, greedy);
        house.clock.forward(1000);
    }
    // And root helps: a new password replaces it.
    let grant = house.root(Action::PasswordSet);
    let new = NewPassword::Given(secret("battery staple"));
    house.service.set_password(&grant, &subject("alice"), new, false).unwrap();
    assert_eq!(house.verdict(ssh(), &["battery staple"]), Code::Success);
}
