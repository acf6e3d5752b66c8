//! Programs of all kinds that have the module loaded, most of them through glibc: what spec/nss.md
//! calls process safety. The programs are in `programs/`; what can be tested without one is in
//! `process.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::os::unix::fs::PermissionsExt;

use nss_tests::accounts::{group, publish, varied};
use nss_tests::installed::{by_root, install};
use nss_tests::isolated_tests;
use nss_tests::program::Program;

/// Compiles a program beside an installed module and the accounts of [`varied`].
fn prepared(name: &str) -> Program {
    install();
    publish(&varied());
    Program::compile(name, &[])
}

isolated_tests! {
    fn an_ordinary_program() {
        let program = prepared("lookup");
        program.succeeds(&[]);
        program.succeeds_under(&["valgrind", "--quiet", "--error-exitcode=99"], &[]);
    }

    fn a_statically_linked_program() {
        install();
        publish(&varied());
        // No -rdynamic effect here; the linker warns that the libraries are needed at run time.
        Program::compile("lookup", &["-static"]).succeeds(&[]);
    }

    fn a_setuid_program() {
        let program = prepared("lookup");
        if !by_root() {
            return;
        }
        std::fs::set_permissions(program.path(), PermissionsExt::from_mode(0o4755)).unwrap();
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        program.succeeds_under(&nobody, &["setuid"]);
    }

    fn handlers_that_run_at_exit() {
        let program = prepared("exit");
        for arguments in [&[][..], &["first"]] {
            assert_eq!(program.succeeds(arguments).stdout, b"handled\n");
        }
    }

    fn vfork_children() {
        prepared("vfork").succeeds(&[]);
    }

    fn threads_that_are_cancelled_when_they_ask() {
        prepared("cancel").succeeds(&["deferred"]);
    }

    fn threads_that_are_cancelled_anywhere() {
        prepared("cancel").succeeds(&["asynchronous"]);
    }

    fn a_stack_of_16_kib_through_glibc() {
        prepared("stack").succeeds(&[]);
    }

    fn forks_of_a_threaded_program() {
        prepared("fork").succeeds(&[]);
    }

    fn loading_and_unloading() {
        prepared("reload").succeeds(&[]);
    }

    fn descriptors_closed_and_used_up() {
        prepared("descriptors").succeeds(&[]);
    }

    fn system_calls_forbidden() {
        prepared("seccomp").succeeds(&[]);
    }

    fn an_array_that_grows_geometrically_and_whose_growth_can_fail() {
        install();
        let mut contents = varied();
        contents.groups =
            (0..10_000).map(|at| group(&format!("g{at}"), 20_000 + at, &["many"])).collect();
        publish(&contents);
        Program::compile("realloc", &[]).succeeds(&[]);
    }
}
