//! Link flags of `pam_roster.so`.

fn main() {
    // Unloading the module while a process still has something of ours in use (an atexit handler,
    // a thread-local of std) would crash it. Applications load and unload modules per login.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,now");
    println!("cargo:rerun-if-changed=build.rs");
}
