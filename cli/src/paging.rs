//! Lists in pages: `--limit` and `--offset`, and as many calls as the bus's message size asks for.

use bus::Dictionary;
use bus::names::{DEFAULT_PAGE, MAX_PAGE};
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
    limit: u64,
    /// Skip so many, in order of name
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,
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
        let mut entries: Vec<Value> = Vec::new();
        let mut total;
        loop {
            let got = entries.len() as u64;
            let options = Options::from([
                ("limit", (self.limit - got).into()),
                ("offset", self.offset.saturating_add(got).into()),
            ]);
            let page: Vec<Dictionary>;
            (total, page) = session.call(method, &(options,)).await?;
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
        let shown = entries.len() as u64;
        let next = self.offset.saturating_add(shown);
        let mut value = json!({"total": total, "limit": self.limit, "offset": self.offset});
        value[list] = Value::Array(entries);
        let answer = Answer::new(value, View::Rows { list: Some(list), columns });
        Ok(if shown > 0 && next < total {
            answer.with_note(format!("{shown} of {total}; the next: --offset {next}"))
        } else {
            answer
        })
    }
}
