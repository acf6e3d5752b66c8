//! What a command answers, and how it is written: for people as tables, for programs as JSON,
//! YAML or tab-separated lines. Secrets in an answer are wiped when it is dropped.

mod cell;
mod qr;
mod table;
mod text;
mod wipe;
mod yaml;

use serde_json::{Value, json};
use zeroize::Zeroizing;

pub use cell::Column;
pub use qr::qr_code;
pub use text::{printable, width};

use crate::error::Error;
use wipe::wipe;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// One line of JSON
    Json,
    /// JSON on many lines
    JsonPretty,
    /// JSON, one line per entry of a list
    Jsonl,
    /// YAML
    Yaml,
    /// Columns for people
    #[default]
    Table,
    /// Tab-separated, without headings
    Plain,
}

impl Format {
    /// Whether errors too are written for programs, on standard output.
    #[must_use]
    pub const fn is_structured(self) -> bool {
        matches!(self, Self::Json | Self::JsonPretty | Self::Jsonl | Self::Yaml)
    }
}

/// How people see an answer.
#[derive(Debug)]
pub enum View {
    /// One record; the fields named here come first, the others follow by name.
    Record(&'static [&'static str]),
    /// Entries: the answer itself, or what it holds under `list`.
    Rows {
        /// The key of the entries, when the answer is an object around them.
        list: Option<&'static str>,
        /// What is shown of each.
        columns: &'static [Column],
    },
    /// Entries that the answer holds in another form.
    Entries {
        /// The entries.
        rows: Vec<Value>,
        /// What is shown of each.
        columns: &'static [Column],
    },
    /// Entries that the answer holds under `list`, with columns chosen by the caller.
    Chosen {
        /// The key of the entries.
        list: &'static str,
        /// What is shown of each.
        columns: Vec<Column>,
    },
    /// Text as it is; the caller has made it printable.
    Text(Zeroizing<String>),
    /// Text for another program, as it is; never with anything of the daemon in it.
    Verbatim(String),
    /// A sentence that says what was done; programs get `{"done": true}`.
    Done(String),
}

/// What a command answers.
#[derive(Debug)]
pub struct Answer {
    value: Value,
    view: View,
    /// For people only, on standard error.
    note: Option<String>,
    succeeded: bool,
}

impl Answer {
    /// One record.
    #[must_use]
    pub fn record(value: Value, first: &'static [&'static str]) -> Self {
        Self::new(value, View::Record(first))
    }

    /// A value for programs and a view for people.
    #[must_use]
    pub fn new(value: Value, view: View) -> Self {
        Self { value, view, note: None, succeeded: true }
    }

    /// Lines for people, made printable here.
    #[must_use]
    pub fn lines(value: Value, lines: &[&str]) -> Self {
        let lines: Vec<_> = lines.iter().map(|line| printable(line)).collect();
        Self::new(value, View::Text(Zeroizing::new(lines.join("\n"))))
    }

    /// Something was done and there is nothing to show.
    #[must_use]
    pub fn done(sentence: &str) -> Self {
        Self::new(json!({"done": true}), View::Done(printable(sentence).into_owned()))
    }

    /// Adds a remark for people.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The answer is negative: the exit status is 1.
    #[must_use]
    pub fn negative(mut self) -> Self {
        self.succeeded = false;
        self
    }

    /// The exit status.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.succeeded)
    }

    /// What people should know beside the answer.
    #[must_use]
    pub fn note(&self, format: Format) -> Option<&str> {
        if format.is_structured() { None } else { self.note.as_deref() }
    }

    /// The answer as text. `columns` is the terminal's width, if it is one.
    #[must_use]
    pub fn render(&self, format: Format, columns: Option<usize>) -> Zeroizing<String> {
        match format {
            Format::Table => self.for_people(columns),
            Format::Plain => Zeroizing::new(self.plain()),
            Format::Jsonl => match self.rows() {
                Some(rows) if matches!(self.view, View::Rows { .. } | View::Chosen { .. }) => {
                    Zeroizing::new(rows.iter().map(|row| structured(row, format)).collect())
                }
                _ => Zeroizing::new(structured(&self.value, format)),
            },
            _ => Zeroizing::new(structured(&self.value, format)),
        }
    }

    fn rows(&self) -> Option<&[Value]> {
        match &self.view {
            View::Entries { rows, .. } => Some(rows),
            View::Rows { list: Some(key), .. } | View::Chosen { list: key, .. } => {
                self.value.get(key)?.as_array().map(Vec::as_slice)
            }
            View::Rows { list: None, .. } => self.value.as_array().map(Vec::as_slice),
            _ => None,
        }
    }

    fn columns(&self) -> &[Column] {
        match &self.view {
            View::Rows { columns, .. } | View::Entries { columns, .. } => columns,
            View::Chosen { columns, .. } => columns,
            _ => &[],
        }
    }

    fn for_people(&self, columns: Option<usize>) -> Zeroizing<String> {
        Zeroizing::new(match &self.view {
            View::Text(text) => ended(text),
            View::Verbatim(text) | View::Done(text) => ended(text),
            View::Record(first) => {
                let pairs = cell::people(&self.value, first);
                let pairs: Vec<_> =
                    pairs.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
                table::pairs(&pairs, columns)
            }
            View::Rows { .. } | View::Entries { .. } | View::Chosen { .. } => {
                let shown = self.columns();
                let headings: Vec<_> = shown.iter().map(|column| column.heading).collect();
                let rows = self.rows().unwrap_or_default();
                let rows: Vec<Vec<_>> = rows
                    .iter()
                    .map(|row| shown.iter().map(|column| column.text(row)).collect())
                    .collect();
                let ranks: Vec<_> = shown.iter().map(|column| column.rank).collect();
                table::table(&headings, &ranks, &rows, columns)
            }
        })
    }

    fn plain(&self) -> String {
        let mut out = String::new();
        match &self.view {
            View::Done(_) => {}
            View::Verbatim(text) => out = ended(text),
            View::Rows { .. } | View::Entries { .. } | View::Chosen { .. } => {
                let columns = self.columns();
                for row in self.rows().unwrap_or_default() {
                    let cells: Vec<_> = columns.iter().map(|column| column.text(row)).collect();
                    out.push_str(&cells.join("\t"));
                    out.push('\n');
                }
            }
            View::Record(_) | View::Text(_) => {
                for (name, text) in cell::plain(&self.value) {
                    out.extend([name.as_str(), "\t", text.as_str(), "\n"]);
                }
            }
        }
        out
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        wipe(&mut self.value);
    }
}

/// An error as it goes to standard output for programs.
#[must_use]
pub fn structured_error(error: &Error, format: Format) -> String {
    structured(&error.to_json(), format)
}

/// An error as it goes to standard error for people: the message, then each field on a line.
#[must_use]
pub fn error_for_people(error: &Error) -> String {
    let mut out = String::from("roster: ");
    let message = error.to_string();
    // A message that only lists the fields would say everything twice.
    let repeats = error.fields().first().is_some_and(|field| message.contains(&field.message));
    let message = if repeats { "refused, nothing was changed" } else { message.as_str() };
    for (i, line) in message.lines().enumerate() {
        if i > 0 {
            out.push_str("  ");
        }
        out.push_str(&printable(line));
        out.push('\n');
    }
    for field in error.fields() {
        out.push_str(&format!("  {}: {}\n", printable(&field.field), printable(&field.message)));
    }
    out
}

fn structured(value: &Value, format: Format) -> String {
    let text = match format {
        Format::Yaml => yaml::yaml(value),
        Format::JsonPretty => format!("{value:#}"),
        _ => value.to_string(),
    };
    ended(&text::printable_json(&text))
}

fn ended(text: &str) -> String {
    let mut text = text.to_owned();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
