//! rosterd: see the library.

fn main() -> std::process::ExitCode {
    rosterd::run::run()
}
