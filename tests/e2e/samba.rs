//! Accounts that Samba knows too, with Samba's own password store.

use roster_tests::Machine;

use crate::people::ALICES;

/// The line of smbpasswd(5) that Samba's store holds for a user: name, uid, hashes, flags.
fn entry(m: &Machine, name: &str) -> Option<String> {
    let store = m.sh("cat /var/lib/samba/private/smbpasswd").run().stdout;
    store.lines().find(|line| line.starts_with(&format!("{name}:"))).map(str::to_owned)
}

/// What Samba has for the user: the NT hash and the flags.
fn hash_and_flags(m: &Machine, name: &str) -> (String, String) {
    let line = entry(m, name).unwrap_or_else(|| panic!("Samba does not know {name}"));
    let fields: Vec<&str> = line.split(':').collect();
    (fields[3].to_owned(), fields[4].to_owned())
}

#[test]
fn samba_follows_the_account() {
    let m = Machine::boot("samba").unwrap();
    // A store that can be read as text; the daemon only ever talks to smbpasswd(8).
    m.sh("mkdir -p /etc/samba; printf '[global]\\npassdb backend = smbpasswd:/var/lib/samba/private/smbpasswd\\n' >/etc/samba/smb.conf").ok();
    let create = ["user", "create", "alice", "--smb", "--ssh-password", "--password-stdin"];
    m.roster(create).stdin(format!("{ALICES}\n")).ok();
    let (first, flags) = hash_and_flags(&m, "alice");
    assert!(flags.contains('U') && !flags.contains('D'), "{flags}");
    assert_eq!(m.roster(["user", "show", "alice", "--json"]).ok().json()["smb"], true);

    m.roster(["user", "password", "alice", "--password-stdin"]).stdin("eleven calm herons\n").ok();
    let (second, _) = hash_and_flags(&m, "alice");
    assert_ne!(first, second, "the new password has reached Samba");
    m.sh("passwd alice").stdin(format!("{ALICES}\n{ALICES}\n")).ok();
    assert_eq!(hash_and_flags(&m, "alice").0, first, "also one that PAM has set");

    m.roster(["user", "lock", "alice"]).ok();
    assert!(hash_and_flags(&m, "alice").1.contains('D'));
    m.roster(["user", "unlock", "alice"]).ok();
    assert!(!hash_and_flags(&m, "alice").1.contains('D'));

    m.roster(["user", "update", "alice", "--name", "alicia"]).exits(1).says("smb");
    m.roster(["user", "update", "alice", "--no-smb"]).ok();
    assert_eq!(entry(&m, "alice"), None);
    m.roster(["user", "update", "alice", "--smb"]).exits(1).says("password");
    m.roster(["user", "update", "alice", "--smb", "--password-stdin"])
        .stdin(format!("{ALICES}\n"))
        .ok();
    assert_eq!(hash_and_flags(&m, "alice").0, first);
    m.roster(["user", "delete", "alice", "--yes"]).ok();
    assert_eq!(entry(&m, "alice"), None);
}

#[test]
fn without_samba_smb_is_refused_and_nothing_is_made() {
    let m = Machine::boot("no-samba").unwrap();
    m.sh("mv /usr/bin/smbpasswd /usr/bin/smbpasswd.away").ok();
    m.roster(["user", "create", "alice", "--smb", "--password-stdin"])
        .stdin(format!("{ALICES}\n"))
        .exits(1)
        .says("smb")
        .says("samba-common-bin");
    m.sh("getent passwd alice").exits(2);
}
