//! The module as glibc finds it: a copy among the libraries, an nsswitch.conf, local accounts.

use std::fs;
use std::process::Command;

use crate::object;

const NSSWITCH: &str = "\
passwd: files roster
group: files [SUCCESS=merge] roster
shadow: files roster
";

/// The local groups: two that ours are merged with, and one of the same number.
const GROUP: &str = "root:x:0:\nadm:x:4:root\nsudo:x:27:localadmin\nusers:x:100:\n";

/// Puts the module, an nsswitch.conf and an /etc/group into the namespace of this test.
///
/// The module is found through the cache of the dynamic linker, as an installed one is: by setuid
/// programs and static ones too, which no variable could lead to it.
pub fn install() {
    fs::create_dir("/run/lib").unwrap();
    fs::copy(object::shipped(), "/run/lib/libnss_roster.so.2").unwrap();
    replace_in_etc("nsswitch.conf", NSSWITCH);
    replace_in_etc("group", GROUP);
    let cache = ["-X", "-C", "/run/ld.so.cache", "/run/lib"];
    succeeds(Command::new("/sbin/ldconfig").args(cache));
    mount_over("/run/ld.so.cache", "/etc/ld.so.cache");
}

/// Puts `content` in the place of `/etc/<name>`, in the namespace of this test.
pub fn replace_in_etc(name: &str, content: &str) {
    let path = format!("/run/etc-{name}");
    let mounted = fs::exists(&path).unwrap();
    // In place: what is mounted over the path of /etc is this very file.
    fs::write(&path, content).unwrap();
    if !mounted {
        mount_over(&path, &format!("/etc/{name}"));
    }
}

fn mount_over(path: &str, place: &str) {
    succeeds(Command::new("mount").args(["--bind", path, place]));
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// Whether this test is run by root and not only by the root of a namespace of one user, in which
/// there is nobody else to be.
pub fn by_root() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    map.trim_end().ends_with("4294967295")
}
