//! `roster completions SHELL`.

use clap::Args;
use clap_complete::Shell;
use serde_json::json;

use crate::output::{Answer, View};

/// The shell to complete for.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell that will read the script
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// The script.
    #[must_use]
    pub fn run(&self) -> Answer {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::command(), "roster", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        let value = json!({"shell": self.shell.to_string(), "script": script});
        Answer::new(value, View::Verbatim(script))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Format;

    #[test]
    fn the_script_knows_the_verbs() {
        let answer = Completions { shell: Shell::Bash }.run();
        let script = answer.render(Format::Table, Some(80));
        assert!(script.contains("add-member") && script.contains("--home-create"));
        assert_eq!(script, answer.render(Format::Plain, None));
    }
}
