//! How the module is linked.
//!
//! Always: the name glibc looks for, and no unloading (what a process has looked up with us may still
//! be in use by another thread at dlclose). In the profile that ships (`--profile nss`) also: no start
//! files, nothing undefined, which is what makes a surviving panic path an error, and all relocations
//! done at load time.

use std::path::Path;

/// The profile that is being built. Cargo does not tell build scripts its name (`PROFILE` is that of
/// the profile it inherits from), but puts it into the path of the output directory:
/// `…/<profile>/build/<package>-<hash>/out`.
fn is_shipped_profile() -> bool {
    let Some(out) = std::env::var_os("OUT_DIR") else { return false };
    Path::new(&out).components().rev().nth(3).is_some_and(|name| name.as_os_str() == "nss")
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(shipped)");
    let argument = |text: &str| println!("cargo::rustc-cdylib-link-arg={text}");
    argument("-Wl,-soname,libnss_roster.so.2");
    argument("-Wl,-z,nodelete");
    if is_shipped_profile() {
        println!("cargo::rustc-cfg=shipped");
        argument("-nostartfiles");
        argument("-Wl,-z,defs");
        argument("-Wl,-z,relro,-z,now");
        argument("-Wl,--as-needed");
    }
}
