//! What is in the package: the files, where other programs look for them, and how the modules are linked.

use std::path::{Path, PathBuf};
use std::process::Command;

use roster_tests::package;

/// The package, unpacked on the host.
struct Unpacked {
    folder: tempfile::TempDir,
}

impl Unpacked {
    fn new() -> Unpacked {
        let folder = tempfile::tempdir().unwrap();
        let unpacked =
            Command::new("dpkg-deb").arg("-x").arg(package().unwrap()).arg(folder.path()).status();
        assert!(unpacked.unwrap().success());
        Unpacked { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The directory of the machine's own libraries, whatever the architecture.
    fn libraries(&self) -> PathBuf {
        let folders = std::fs::read_dir(self.path("usr/lib")).unwrap().flatten();
        let module = |folder: &PathBuf| folder.join("libnss_roster.so.2").exists();
        folders.map(|folder| folder.path()).find(module).expect("a directory with the NSS module")
    }
}

fn output(program: &str, options: &[&str], file: &Path) -> String {
    let output = Command::new(program).args(options).arg(file).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn needed(file: &Path) -> Vec<String> {
    let dynamic = output("readelf", &["--dynamic", "--wide"], file);
    let lines = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    lines.filter_map(|line| line.split(['[', ']']).nth(1).map(str::to_owned)).collect()
}

#[test]
fn everything_is_where_other_programs_look_for_it() {
    let package = Unpacked::new();
    for name in [
        "usr/bin/roster",
        "usr/libexec/roster/rosterd",
        "usr/libexec/roster/authorized-keys",
        "usr/libexec/roster/mailer",
        "usr/lib/systemd/system/rosterd.service",
        "usr/lib/systemd/system/rosterd.socket",
        "usr/lib/systemd/system/rosterd-mail@.service",
        "usr/lib/systemd/system/rosterd-mail.socket",
        "usr/lib/sysusers.d/roster.conf",
        "usr/lib/tmpfiles.d/roster.conf",
        "usr/share/dbus-1/interfaces/org.roster.Accounts1.xml",
        "usr/share/dbus-1/interfaces/org.roster.Accounts1.User.xml",
        "usr/share/dbus-1/interfaces/org.roster.Accounts1.Administration.xml",
        "usr/share/dbus-1/interfaces/org.roster.Accounts1.Mail.xml",
        "usr/share/dbus-1/interfaces/org.roster.Accounts1.Metadata.xml",
        "usr/share/dbus-1/system.d/org.roster.Accounts1.conf",
        "usr/share/dbus-1/system-services/org.roster.Accounts1.service",
        "usr/share/polkit-1/actions/org.roster.accounts1.policy",
        "usr/share/pam-configs/roster",
        "usr/share/pam-configs/roster-password",
        "usr/share/doc/roster/copyright",
        "etc/ssh/sshd_config.d/10-roster.conf",
    ] {
        assert!(package.path(name).is_file(), "{name} is missing");
    }
    assert!(package.libraries().join("security/pam_roster.so").is_file());
}

/// Everything above it in the process tree loads this one: nothing but libc comes with it, no
/// thread-local storage, no code that could panic, and it is never unloaded.
#[test]
fn the_packaged_nss_module_brings_nothing_along() {
    let module = Unpacked::new();
    let module = module.libraries().join("libnss_roster.so.2");
    assert_eq!(needed(&module), ["libc.so.6"]);
    let dynamic = output("readelf", &["--dynamic", "--wide"], &module);
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    assert!(dynamic.contains("Library soname: [libnss_roster.so.2]"), "{dynamic}");
    let segments = output("readelf", &["--program-headers", "--wide"], &module);
    assert!(segments.contains("LOAD") && !segments.contains("TLS"), "{segments}");
    let symbols = output("nm", &["--dynamic"], &module);
    assert!(symbols.contains("_nss_roster_getpwnam_r"), "{symbols}");
    for forbidden in ["panic", "unwind", "pthread", "malloc", "getenv", "abort"] {
        assert!(!symbols.to_lowercase().contains(forbidden), "{forbidden} in {symbols}");
    }
}

#[test]
fn the_packaged_pam_module_stays_loaded_and_brings_no_heavy_library() {
    let module = Unpacked::new();
    let module = module.libraries().join("security/pam_roster.so");
    let dynamic = output("readelf", &["--dynamic", "--wide"], &module);
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    for library in needed(&module) {
        let harmless = ["libpam.so", "libc.so", "libgcc_s.so", "ld-linux"];
        assert!(harmless.iter().any(|name| library.starts_with(name)), "{library}");
    }
    let symbols = output("nm", &["--dynamic", "--defined-only"], &module);
    for entry in
        ["authenticate", "setcred", "acct_mgmt", "open_session", "close_session", "chauthtok"]
    {
        assert!(symbols.contains(&format!("pam_sm_{entry}")), "{entry} in {symbols}");
    }
}
