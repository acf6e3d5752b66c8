//! Lists in pages: `--limit` and `--offset`, and as many calls as the bus's message size asks for.

use bus::Dictionary;
use bus::names::{DEFAULT_PAGE, INTERFACE, MAX_PAGE};
use clap::Args;
use serde_json::{Value, json};

use crate::error::Error;
use crate::output::{Answer, Column, View};
use crate::session::{Options, Session, to_record};

/// Which part of a list.
#[derive(Debug, Clone, Copy, Args)]
pub struct Page {
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PAGE,
          value_parser = clap::value_parser!(u64).range(1..=MAX_PAGE))]
    pub limit: u64,
    /// Skip so many, in order of name
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub offset: u64,
}

/// Entries of a list, and where in it they are.
pub struct Part {
    pub entries: Vec<Value>,
    total: u64,
    page: Page,
}

impl Page {
    /// The page of a list, `{"total", "limit", "offset", LIST: [...]}`.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub async fn fetch(
        self,
        session: &Session,
        method: &'static str,
        list: &'static str,
        columns: &'static [Column],
        complete: fn(&mut Value),
    ) -> Result<Answer, Error> {
        let part = self.collect(session, (INTERFACE, method), &[], complete).await?;
        Ok(part.answer(list, View::Rows { list: Some(list), columns }))
    }

    /// The page's entries, from a method of any interface, with further options.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub async fn collect(
        self,
        session: &Session,
        (interface, method): (&'static str, &'static str),
        further: &[(&'static str, &str)],
        complete: fn(&mut Value),
    ) -> Result<Part, Error> {
        let mut entries: Vec<Value> = Vec::new();
        let mut total;
        loop {
            let got = entries.len() as u64;
            let mut options = Options::from([
                ("limit", (self.limit - got).into()),
                ("offset", self.offset.saturating_add(got).into()),
            ]);
            options.extend(further.iter().map(|(name, text)| (*name, (*text).into())));
            let page: Vec<Dictionary>;
            (total, page) = session.call_on(interface, method, &(options,)).await?;
            let ended = page.is_empty();
            for entry in &page {
                let mut entry = Value::Object(to_record(entry)?);
                complete(&mut entry);
                entries.push(entry);
            }
            let got = entries.len() as u64;
            if ended || got >= self.limit || self.offset.saturating_add(got) >= total {
                break;
            }
        }
        Ok(Part { entries, total, page: self })
    }
}

impl Part {
    /// The answer, with what tells the reader how to go on.
    #[must_use]
    pub fn answer(self, list: &'static str, view: View) -> Answer {
        let Self { entries, total, page: Page { limit, offset } } = self;
        let shown = entries.len() as u64;
        let next = offset.saturating_add(shown);
        let mut value = json!({"total": total, "limit": limit, "offset": offset});
        value[list] = Value::Array(entries);
        let answer = Answer::new(value, view);
        if shown > 0 && next < total {
            answer.with_note(format!("{shown} of {total}; the next: --offset {next}"))
        } else {
            answer
        }
    }
}
