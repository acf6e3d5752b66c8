//! `roster user query | search`: accounts by filter, and by a piece of text.

use bus::names::{DEFAULT_PAGE, MAX_PAGE, QUERY};
use bus::{Dictionary, to_dictionary};
use clap::Args;
use serde_json::{Map, Value, json};

use super::record::{ALL, COLUMNS, FIRST, complete, fill};
use crate::error::Error;
use crate::output::{Answer, Column, View};
use crate::session::{Options, Session, to_record};

/// A page as the daemon gives it: total, limit, offset, users.
type Listed = (u64, u64, u64, Vec<Dictionary>);

/// Which accounts, and what of them.
#[derive(Debug, Args)]
pub struct Query {
    /// A condition, ["FIELD","OPERATOR",VALUE]; all that are given must hold
    #[arg(long = "filter", value_name = "JSON", value_parser = json)]
    filters: Vec<Value>,
    /// {"select", "order_by", "limit", "offset", "count", "get"}, any of them
    #[arg(long, value_name = "JSON", value_parser = json, default_value = "{}")]
    options: Value,
}

/// Whom to look for.
#[derive(Debug, Args)]
pub struct Search {
    /// Part of a name, address, id or tag
    text: String,
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PAGE,
          value_parser = clap::value_parser!(u64).range(1..=MAX_PAGE))]
    limit: u64,
    /// Skip so many, in order of name
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))
}

impl Query {
    /// A query that another verb makes.
    pub fn new(filters: Vec<Value>, options: Value) -> Self {
        Self { filters, options }
    }

    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let Value::Object(options) = self.options else {
            return Err(Error::field("options", "wrong_type", "are no JSON object"));
        };
        let filters = Value::Array(self.filters.into_iter().flat_map(conditions).collect());
        let filters = filters.to_string();
        let is = |option: &str| options.get(option) == Some(&Value::Bool(true));
        if is("count") {
            let (total, ..) = ask(session, &filters, &options).await?;
            return Ok(Answer::lines(json!(total), &[&total.to_string()]));
        }
        let selected = selected(&options);
        if is("get") {
            let (.., users) = ask(session, &filters, &options).await?;
            let user = users
                .first()
                .ok_or_else(|| Error::refused("no_such_user", "there is no user that matches"))?;
            return Ok(Answer::record(shown(user, &selected)?, FIRST));
        }
        let mut page = Gathered::default();
        loop {
            let mut options = options.clone();
            if let Some((limit, offset)) = page.rest() {
                options.insert("limit".to_owned(), limit.into());
                options.insert("offset".to_owned(), offset.into());
            }
            if page.add(ask(session, &filters, &options).await?, &selected)? {
                break;
            }
        }
        Ok(page.answer(&selected))
    }
}

/// A filter, or a list of them: `[["a","=",1],["b","=",2]]` is taken as two.
fn conditions(filter: Value) -> Vec<Value> {
    match filter {
        Value::Array(list) if list.first().is_none_or(Value::is_array) => list,
        other => vec![other],
    }
}

async fn ask(
    session: &Session,
    filters: &str,
    options: &Map<String, Value>,
) -> Result<Listed, Error> {
    // An option that is null would be left out, and is none.
    if let Some((name, _)) = options.iter().find(|(_, value)| value.is_null()) {
        return Err(Error::field(name, "wrong_type", "is null"));
    }
    let options = to_dictionary(options)
        .map_err(|error| Error::field(error.key(), "invalid", &error.to_string()))?;
    session.call_on(QUERY, "QueryUsers", &(filters, options)).await
}

/// The record's fields that were selected, all of them or a part.
fn selected(options: &Map<String, Value>) -> Vec<&'static str> {
    let paths = options.get("select").and_then(Value::as_array);
    let paths = paths.into_iter().flatten().filter_map(Value::as_str);
    let mut fields = Vec::new();
    for path in paths {
        let name = path.split('.').next().unwrap_or_default();
        if let Some(field) = ALL.iter().find(|field| **field == name)
            && !fields.contains(field)
        {
            fields.push(*field);
        }
    }
    fields
}

fn shown(user: &Dictionary, selected: &[&str]) -> Result<Value, Error> {
    let mut record = to_record(user)?;
    if !selected.is_empty() {
        fill(&mut record, selected);
        return Ok(Value::Object(record));
    }
    let mut user = Value::Object(record);
    complete(&mut user);
    Ok(user)
}

impl Search {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let mut page = Gathered::default();
        loop {
            let (limit, offset) = page.rest().unwrap_or((self.limit, self.offset));
            let options = Options::from([("limit", limit.into()), ("offset", offset.into())]);
            let body = (self.text.as_str(), options);
            if page.add(session.call_on(QUERY, "SearchUsers", &body).await?, &[])? {
                break;
            }
        }
        Ok(page.answer(&[]))
    }
}

/// A page that may take several calls: the daemon ends one early when it would be too large.
#[derive(Debug, Default)]
struct Gathered {
    total: u64,
    /// As the daemon says they are in force.
    asked: Option<(u64, u64)>,
    users: Vec<Value>,
}

impl Gathered {
    /// Limit and offset of what is still to come, once something came.
    fn rest(&self) -> Option<(u64, u64)> {
        let got = self.users.len() as u64;
        self.asked.map(|(limit, offset)| (limit.saturating_sub(got), offset.saturating_add(got)))
    }

    /// Takes a part; whether it was the last.
    fn add(&mut self, part: Listed, selected: &[&str]) -> Result<bool, Error> {
        let (total, limit, offset, users) = part;
        self.total = total;
        self.asked.get_or_insert((limit, offset));
        for user in &users {
            self.users.push(shown(user, selected)?);
        }
        let ended = self.rest().is_none_or(|(limit, next)| limit == 0 || next >= total);
        Ok(users.is_empty() || ended)
    }

    fn answer(self, selected: &[&'static str]) -> Answer {
        let (limit, offset) = self.asked.unwrap_or_default();
        let shown = self.users.len() as u64;
        let (next, total) = (offset.saturating_add(shown), self.total);
        let users = Value::Array(self.users);
        let value = json!({"total": total, "limit": limit, "offset": offset, "users": users});
        let view = if selected.is_empty() {
            View::Rows { list: Some("users"), columns: COLUMNS }
        } else {
            let columns = selected.iter().map(|name| Column::field(name, name)).collect();
            View::Chosen { list: "users", columns }
        };
        let answer = Answer::new(value, view);
        if shown > 0 && next < total {
            answer.with_note(format!("{shown} of {total}; the next: offset {next}"))
        } else {
            answer
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_filter_and_a_list_of_them_are_told_apart() {
        let one = json!(["uid", "=", 3000]);
        assert_eq!(conditions(one.clone()), vec![one.clone()]);
        assert_eq!(conditions(json!([one, one])), vec![one.clone(), one]);
        assert!(conditions(json!([])).is_empty());
        // Left for the daemon to refuse.
        assert_eq!(conditions(json!({"a": 1})), vec![json!({"a": 1})]);
    }

    #[test]
    fn every_field_of_the_record_can_be_a_column() {
        for field in FIRST.iter().filter(|field| !field.is_empty()) {
            assert!(ALL.contains(field), "{field}");
        }
        let options = json!({"select": ["uid", "attributes.desk", "attributes.x", "nonsense"]});
        let options = options.as_object().cloned().unwrap_or_default();
        assert_eq!(selected(&options), ["uid", "attributes"]);
    }
}
