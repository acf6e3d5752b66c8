//! Against the vectors of the inventors and hashes made by libxcrypt.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

fn matches(text: &str, password: &str) -> bool {
    CryptHash::parse(text)
        .map_err(|error| format!("{text}: {error}"))
        .unwrap()
        .matches(&secret(password))
        .unwrap()
}

fn refused(text: &str) -> CryptError {
    CryptHash::parse(text).map(|_| text.to_owned()).unwrap_err()
}

const LONG: &str =
    "pässwörd xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

/// Passwords with their hashes.
const VECTORS: &[(&str, &str)] = &[
    // The specification of SHA-crypt, version 0.6, and libxcrypt.
    ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    (
        "Hello world!",
        "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
    ),
    ("", "$5$rounds=10000$saltstringsaltst$sDnWwZ0qdQHPqtZu31j2fTtF2j2HEn5hOEwtvixOSE0"),
    (LONG, "$5$rounds=10000$saltstringsaltst$YFdEUTanDCTB7KDynU6xRj1gMlY2BfDHN9fpvS2hN/1"),
    (
        "Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
    (
        "we have a short salt string but not a short password",
        "$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0",
    ),
    (
        "",
        "$6$saltstring$kyGrqt6gmjAdtFLPrflEFifSYLCWWq1pyx95SvqinLDy2UHmj0sTF0MSLMwxPFZc3tu5kQckI8fks0zOPda3n1",
    ),
    (
        LONG,
        "$6$rounds=1400$anotherlongsalts$s.OXe.6Kc5Hi8XZMFX59BNDvJZ1Sk1dlqijh2nXDYvHqNvoiVI3fkj72JkGETy.C4m680at4RgZ05ki78XrYw.",
    ),
    // libxcrypt; the first is what passwd of Debian makes.
    ("Hello world!", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$42RgPIrXdXSEEs77lDi/4IqKVqFBAVaHJkzw5uD1r57"),
    ("", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$5P1uc1zvKhieqEtKttbwCQrTPXpY1cK9wEnTDKAqLD8"),
    (LONG, "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$xfKIGrwKiywrNQK6sqKbCuGHlBpk3I9r21Cs4dEHFa5"),
    ("Hello world!", "$y$j75$abcdefgh$seYLk3C3HyTtiwemJi2fPeplJP3Gd5RaKYGEt1rRkF2"),
    // crypt_blowfish and jBCrypt.
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
    ("Hello world!", "$2b$05$abcdefghijklmnopqrstuu7nFISH/8YdwlXD3lw69A4iBUf6fvWAW"),
    (LONG, "$2b$05$abcdefghijklmnopqrstuuvc2KjC5m0REuegNWAgwA5m2fcEc9ie2"),
    ("Hello world!", "$2y$04$abcdefghijklmnopqrstuuyeG8laUfZvsCmc.AE6qIDYSPGM2efmK"),
];

#[test]
fn known_passwords_match_and_no_others() {
    for (password, hash) in VECTORS {
        assert!(matches(hash, password), "{hash}");
        assert!(!matches(hash, &format!("x{password}")), "{hash}");
        assert!(!matches(hash, "hello world!"), "{hash}");
    }
}

#[test]
fn each_kind_has_its_name() {
    let kinds: Vec<_> = VECTORS.iter().map(|(_, hash)| kind_of_hash(hash).unwrap()).collect();
    for kind in ["sha256crypt", "sha512crypt", "yescrypt", "bcrypt"] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    let argon2id =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    assert_eq!(kind_of_hash(argon2id), Ok("argon2id"));
    let greedy = argon2id.replace("m=256", "m=4294967295");
    assert_eq!(kind_of_hash(&greedy), Err(CryptError::Malformed("argon2id")));
}

#[test]
fn what_a_hash_may_cost_is_bounded_before_it_is_computed() {
    let (sha, bcrypt) = (VECTORS[1].1, VECTORS[14].1);
    for rounds in ["1000001", "999999999", "4294967296", "99999999999999999999"] {
        let hash = sha.replace("10000", rounds);
        assert_eq!(refused(&hash), CryptError::TooCostly("time (rounds)"), "{hash}");
    }
    for rounds in ["999", "0", "", "+5000", "-1", "5e3"] {
        let hash = sha.replace("10000", rounds);
        assert_eq!(refused(&hash), CryptError::Malformed("sha256crypt"), "{hash}");
    }
    for cost in ["16", "31", "99"] {
        let hash = bcrypt.replace("$05$", &format!("${cost}$"));
        assert_eq!(refused(&hash), CryptError::TooCostly("time (cost)"), "{hash}");
    }
    assert_eq!(refused(&bcrypt.replace("$05$", "$03$")), CryptError::Malformed("bcrypt"));
    // 2 GiB; then 2 to the 40th and more blocks; then blocks of half a megabyte.
    let yescrypt = VECTORS[8].1;
    for params in ["jGT", "jcT", "jrT", "j9z.."] {
        let hash = yescrypt.replace("j9T", params);
        let refusal = refused(&hash);
        assert!(
            matches!(refusal, CryptError::TooCostly("memory") | CryptError::Malformed(_)),
            "{hash}: {refusal:?}"
        );
    }
    // More lanes, and more time than its memory tells.
    for params in ["j95.0", "j953.", "j9T0/"] {
        let hash = yescrypt.replace("j9T", params);
        assert!(CryptHash::parse(&hash).is_err(), "{hash}");
    }
    let memory = |hash: &str| CryptHash::parse(hash).unwrap().memory_kib();
    assert_eq!(memory(yescrypt), 16 * 1024 + LITTLE_MEMORY);
    assert_eq!(memory(sha), LITTLE_MEMORY);
}

#[test]
fn what_is_not_verified_is_refused_by_its_name() {
    for (hash, expected) in [
        ("", "empty"),
        ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", "MD5 ($1$)"),
        ("$7$CU..../....x$y", "scrypt"),
        ("$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "known fault"),
        ("$gy$j9T$x$y", "gost-yescrypt"),
        ("$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$x", "argon2"),
        ("rqXexS6ZhobKA", "DES"),
        ("_K1..crsmZxOLzfJH8iw", "DES"),
        ("*", "no hash"),
        ("!", "no hash"),
        ("x", "no hash"),
        ("correct horse", "no hash"),
    ] {
        let refusal = refused(hash).to_string();
        assert!(refusal.contains(expected), "{hash}: {refusal}");
    }
}

#[test]
fn damaged_hashes_are_refused() {
    for (_, hash) in VECTORS {
        for damaged in
            [&hash[..hash.len() - 1], &format!("{hash}x"), &format!("{hash}$"), &hash[..8]]
        {
            assert!(CryptHash::parse(damaged).is_err(), "{damaged}");
        }
        let last = hash.rfind('$').unwrap();
        for odd in ["*", " ", "ä", ":", "\0"] {
            let damaged = format!("{}{odd}{}", &hash[..last + 3], &hash[last + 3 + odd.len()..]);
            assert!(CryptHash::parse(&damaged).is_err(), "{damaged:?}");
        }
    }
}

#[test]
fn a_nul_is_no_end_and_no_repetition() {
    for (password, hash) in VECTORS {
        let parsed = CryptHash::parse(hash).unwrap();
        for longer in [format!("{password}\0"), format!("{password}\0{password}")] {
            assert!(!parsed.matches(&secret(&longer)).unwrap(), "{longer:?} for {hash}");
        }
    }
}

#[test]
fn a_password_that_crypt_would_not_take_is_wrong() {
    let long = "x".repeat(LONGEST_PASSWORD + 1);
    assert!(VECTORS.iter().all(|(_, hash)| !matches(hash, &long)));
}

#[test]
fn bcrypt_sees_the_beginning_and_says_so() {
    let hash =
        CryptHash::parse("$2b$05$abcdefghijklmnopqrstuuvc2KjC5m0REuegNWAgwA5m2fcEc9ie2").unwrap();
    let longer = secret(&format!("{LONG}123456"));
    assert!(hash.matches(&longer).unwrap() && hash.cuts(&longer));
    assert!(!hash.cuts(&secret(&"x".repeat(BCRYPT_SEES))));
}

proptest! {
    #[test]
    fn garbage_never_panics(start in "(\\$[0-9a-z]{1,2}\\$)?", rest in "[\\PC$]{0,120}") {
        let _ = CryptHash::parse(&format!("{start}{rest}"));
        let _ = CryptHash::parse(&format!("$y${rest}"));
        let _ = CryptHash::parse(&format!("$y$j9T${rest}"));
        let _ = CryptHash::parse(&format!("$6$rounds={rest}"));
    }
}
