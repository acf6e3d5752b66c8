//! Where the objects under test come from.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The shipped object, `libnss_roster.so.2`: from `ROSTER_NSS_SO`, or built in its profile now.
pub fn shipped() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| provide("ROSTER_NSS_SO", "nss_roster", "libnss_roster.so")).clone()
}

/// The reference object: from `ROSTER_NSS_REFERENCE_SO`, or built now.
pub fn reference() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| provide("ROSTER_NSS_REFERENCE_SO", "nss_reference", "libnss_reference.so"))
        .clone()
}

fn provide(variable: &str, package: &str, file: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return std::fs::canonicalize(&path)
            .unwrap_or_else(|error| panic!("{variable}={}: {error}", path.display()));
    }
    // Not the build directory of the tests themselves: other test binaries may be building there.
    let test = std::env::current_exe().expect("the path of this test");
    let target = test.ancestors().nth(3).expect("…/target/<profile>/deps/<test>").join("nss");
    let profile = if package == "nss_roster" { "nss" } else { "dev" };
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", package, "--profile", profile, "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "building {package}: {errors}");
    target.join(if profile == "dev" { "debug" } else { profile }).join(file)
}
