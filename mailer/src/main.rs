//! mailer: see the library.

fn main() -> std::process::ExitCode {
    roster_mailer::run()
}
