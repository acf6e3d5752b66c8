//! The `roster` command; everything is in the library.

fn main() -> std::process::ExitCode {
    roster::main()
}
