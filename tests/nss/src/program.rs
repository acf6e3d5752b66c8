//! The programs in `programs/`: C, as most of what loads the module is.

use std::path::PathBuf;
use std::process::{Command, Output};

use snapshot::layout::header;

/// A compiled program of `programs/`.
pub struct Program(PathBuf);

impl Program {
    /// Compiles `programs/<name>.c` with further `options` into the namespace of this test.
    pub fn compile(name: &str, options: &[&str]) -> Self {
        let source = format!("{}/programs/{name}.c", env!("CARGO_MANIFEST_DIR"));
        let program = PathBuf::from(format!("/run/{name}"));
        let mark = format!("-DSUPERSEDED_AT={}", header::SUPERSEDED * 4);
        let output = Command::new("cc")
            .args(["-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-pthread", "-rdynamic", &mark])
            .args(options)
            .arg(&source)
            .arg("-o")
            .arg(&program)
            .output()
            .expect("cc (gcc, libc6-dev)");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "compiling {source}: {errors}");
        Self(program)
    }

    /// Where it is.
    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Runs it; fails unless it succeeds.
    pub fn succeeds(&self, arguments: &[&str]) -> Output {
        self.succeeds_under(&[], arguments)
    }

    /// Runs it under another program, given with its options; fails unless it succeeds.
    pub fn succeeds_under(&self, under: &[&str], arguments: &[&str]) -> Output {
        let line: Vec<_> = under.iter().chain(&[self.path()]).chain(arguments).copied().collect();
        let output = Command::new(line[0])
            .args(&line[1..])
            .output()
            .unwrap_or_else(|error| panic!("{line:?}: {error}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line:?}: {}\n{errors}", output.status);
        output
    }
}
