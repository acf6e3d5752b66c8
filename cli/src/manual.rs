//! The manual: a page for the command, for each noun and for each verb, made from the grammar and
//! the tables that `--help` shows.

use std::io;
use std::path::Path;

use accounts::Timestamp;
use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use crate::error::Error;
use crate::examples::EXAMPLES;
use crate::output::Answer;
use crate::reference::{ENVIRONMENT, EXIT_STATUS, FILES, SUBJECTS};

/// Where to write the pages.
#[derive(Debug, Args)]
pub struct ManPages {
    /// The directory, which is there already
    directory: std::path::PathBuf,
}

impl ManPages {
    /// Writes every page, dated by SOURCE_DATE_EPOCH where that is set.
    ///
    /// # Errors
    /// When a page cannot be written.
    pub fn run(&self) -> Result<Answer, Error> {
        let epoch = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
        let date = epoch.map(|seconds| Timestamp(seconds).to_string()).unwrap_or_default();
        let pages = pages(date.get(..10).unwrap_or_default())
            .and_then(|pages| write(&self.directory, &pages).map(|()| pages.len()))
            .map_err(|error| Error::Local(format!("the manual cannot be written: {error}")))?;
        Ok(Answer::done(&format!("Wrote {pages} manual pages.")))
    }
}

/// A page: the file's name and its content for groff.
struct Page {
    file: String,
    roff: Vec<u8>,
}

fn write(directory: &Path, pages: &[Page]) -> io::Result<()> {
    pages.iter().try_for_each(|page| std::fs::write(directory.join(&page.file), &page.roff))
}

/// Every page, with the date that they carry.
fn pages(date: &str) -> io::Result<Vec<Page>> {
    let mut command = crate::command();
    command.build();
    let mut pages = Vec::new();
    collect(&command, &[], date, &mut pages)?;
    Ok(pages)
}

fn collect(command: &Command, path: &[&str], date: &str, pages: &mut Vec<Page>) -> io::Result<()> {
    pages.push(page(command, path, date)?);
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let path = [path, &[verb.get_name()]].concat();
        collect(verb, &path, date, pages)?;
    }
    Ok(())
}

/// The page's name for the words after `roster`.
fn title(path: &[&str]) -> String {
    [&["roster"], path].concat().join("-")
}

fn page(command: &Command, path: &[&str], date: &str) -> io::Result<Page> {
    let man = Man::new(command.clone())
        .title(title(path).to_uppercase())
        .date(date)
        .source(concat!("Roster ", env!("CARGO_PKG_VERSION")))
        .manual("Roster");
    let mut roff = Vec::new();
    man.render_title(&mut roff)?;
    man.render_name_section(&mut roff)?;
    synopsis(command, &mut roff)?;
    man.render_description_section(&mut roff)?;
    if path.is_empty() {
        let mut further = Roff::new();
        for line in SUBJECTS.lines() {
            further.control("PP", []);
            further.text([roman(line)]);
        }
        further.to_writer(&mut roff)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut roff)?;
    }
    man.render_options_section(&mut roff)?;
    let mut last = Roff::new();
    examples(path, &mut last);
    last.control("SH", ["EXIT STATUS"]);
    for (status, meaning) in EXIT_STATUS {
        last.control("TP", []);
        last.text([bold(status.to_string())]);
        last.text([roman(*meaning)]);
    }
    if path.is_empty() {
        table("ENVIRONMENT", ENVIRONMENT, &mut last);
        table("FILES", FILES, &mut last);
    }
    see_also(path, &mut last);
    last.to_writer(&mut roff)?;
    Ok(Page { file: format!("{}.1", title(path)), roff: portable(&String::from_utf8_lossy(&roff)) })
}

/// The usage line of the help; clap_mangen would list every flag a second time.
fn synopsis(command: &Command, roff: &mut Vec<u8>) -> io::Result<()> {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let name = command.get_bin_name().unwrap_or_default();
    let mut section = Roff::new();
    section.control("SH", ["SYNOPSIS"]);
    match usage.strip_prefix(name) {
        Some(rest) => section.text([bold(name), roman(rest)]),
        None => section.text([roman(usage)]),
    };
    section.to_writer(roff)
}

/// Pages of several parts define the apostrophe in each: once is enough. What is not ASCII is named
/// by its code point, which groff and mandoc both understand.
fn portable(page: &str) -> Vec<u8> {
    let is_preamble = |line: &str| line.starts_with(".ie \\n(.g") || line.starts_with(".el .ds Aq");
    let mut roff = String::from(".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n");
    for line in page.lines().filter(|line| !is_preamble(line)) {
        for c in line.chars() {
            if c.is_ascii() {
                roff.push(c);
            } else {
                roff.push_str(&format!("\\[u{:04X}]", c as u32));
            }
        }
        roff.push('\n');
    }
    roff.into_bytes()
}

/// The examples of the verb; below a verb with verbs of its own those that are about this one.
fn examples(path: &[&str], roff: &mut Roff) {
    let words = path.join(" ");
    let lines: Vec<&str> = EXAMPLES
        .iter()
        .filter(|(verb, _)| words == *verb || words.starts_with(&format!("{verb} ")))
        .flat_map(|(_, lines)| lines.iter().copied())
        .filter(|line| line.contains(&format!("roster {words}")))
        .collect();
    if lines.is_empty() {
        return;
    }
    roff.control("SH", ["EXAMPLES"]);
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

fn table(heading: &str, rows: &[(&str, &str)], roff: &mut Roff) {
    roff.control("SH", [heading]);
    for (name, meaning) in rows {
        roff.control("TP", []);
        roff.text([italic(*name)]);
        roff.text([roman(*meaning)]);
    }
}

fn see_also(path: &[&str], roff: &mut Roff) {
    roff.control("SH", ["SEE ALSO"]);
    let Some((_, above)) = path.split_last() else {
        roff.text([bold("roster.toml"), roman("(5), "), bold("rosterd"), roman("(8)")]);
        return;
    };
    let mut pages = Vec::new();
    for length in (0..=above.len()).rev() {
        if !pages.is_empty() {
            pages.push(roman(", "));
        }
        pages.extend([bold(title(&above[..length])), roman("(1)")]);
    }
    roff.text(pages);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(page: &Page) -> String {
        String::from_utf8(page.roff.clone()).unwrap()
    }

    #[test]
    fn every_verb_has_its_page() {
        fn names(command: &Command, above: &str, found: &mut Vec<String>) {
            for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
                let name = format!("{above}-{}", verb.get_name());
                found.push(format!("{name}.1"));
                names(verb, &name, found);
            }
        }
        let mut expected = vec!["roster.1".to_owned()];
        names(&crate::command(), "roster", &mut expected);
        let pages = pages("").unwrap();
        let files: Vec<_> = pages.iter().map(|page| page.file.clone()).collect();
        assert_eq!(files, expected);
        assert!(files.contains(&"roster-user-attr-pop.1".to_owned()), "{files:?}");
    }

    #[test]
    fn pages_have_the_sections_of_man_pages_7() {
        for page in pages("2026-01-31").unwrap() {
            let text = text(&page);
            for heading in
                ["NAME", "SYNOPSIS", "DESCRIPTION", "OUTPUT", "\"EXIT STATUS\"", "\"SEE ALSO\""]
            {
                assert!(text.contains(&format!(".SH {heading}\n")), "{}: {heading}", page.file);
            }
            assert!(text.contains("2026\\-01\\-31") || text.contains("2026-01-31"), "{text}");
            assert_eq!(text.contains(".SH FILES\n"), page.file == "roster.1");
        }
    }

    #[test]
    fn the_examples_are_those_of_the_help() {
        let pages = pages("").unwrap();
        let page = |file: &str| text(pages.iter().find(|page| page.file == file).unwrap());
        assert!(page("roster-group-create.1").contains("roster group create ops \\-\\-gid 4000"));
        let pop = page("roster-user-attr-pop.1");
        assert!(pop.contains("attr pop alice") && !pop.contains("attr set alice"), "{pop}");
    }

    #[test]
    fn a_page_is_ascii_with_one_preamble() {
        let page = portable(".ie \\n(.g x\n.el .ds Aq '\n.SH \u{2026}\n.el .ds Aq '\n");
        let expected = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.SH \\[u2026]\n";
        assert_eq!(String::from_utf8(page).unwrap(), expected);
    }

    /// groff(1) finds nothing to complain of.
    #[test]
    fn groff_takes_every_page() {
        let directory = tempfile::tempdir().unwrap();
        let pages = pages("").unwrap();
        write(directory.path(), &pages).unwrap();
        for page in pages {
            let output = std::process::Command::new("groff")
                .args(["-man", "-Tutf8", "-ww", "-z"])
                .arg(directory.path().join(&page.file))
                .output();
            // Not every machine that builds has it; those that test the package do.
            let Ok(output) = output else { return };
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{}: {said}", page.file);
        }
    }
}
