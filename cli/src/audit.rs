//! `roster audit …`.

use accounts::Timestamp;
use bus::Dictionary;
use bus::names::{AUDIT, DEFAULT_PAGE, MAX_PAGE};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zbus::Variant;

use crate::duration;
use crate::error::Error;
use crate::output::{Answer, Column, View};
use crate::session::{Options, Session, to_record};

const COLUMNS: &[Column] = &[
    Column::field("ID", "id"),
    Column::field("AT", "at"),
    Column::field("ACTOR", "actor"),
    Column::field("VIA", "via").rank(2),
    Column::field("ACTION", "action"),
    Column::field("SUBJECT", "subject"),
    Column::of("CHANGE", |row| match row.get("change") {
        Some(Value::Object(change)) if change.is_empty() => String::new(),
        Some(change) => change.to_string(),
        None => String::new(),
    })
    .rank(1),
];

/// The verbs of the audit log.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Lists who changed what, the newest first
    List(List),
    /// Checks that no row of the log was removed, changed or moved
    Verify(Verify),
}

/// Which rows.
#[derive(Debug, Args)]
pub struct List {
    /// Only what was done to this user, who may be gone
    #[arg(long, value_name = "NAME", conflicts_with = "group")]
    user: Option<String>,
    /// Only what was done to this group, which may be gone
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Only what this user did
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only this verb, such as user-create
    #[arg(long, value_name = "VERB")]
    action: Option<String>,
    /// Only then or later: 2026-01-31, 2026-01-31T12:00:00Z, or so long ago: 2h, 7d
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only before then
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PAGE,
          value_parser = clap::value_parser!(u64).range(1..=MAX_PAGE))]
    limit: u64,
    /// Go on with the row before this one
    #[arg(long, value_name = "ID", conflicts_with = "after")]
    before: Option<u64>,
    /// The oldest first, from the row after this one; 0 for the first
    #[arg(long, value_name = "ID")]
    after: Option<u64>,
}

/// What is known of the log.
#[derive(Debug, Args)]
pub struct Verify {
    /// A row that the log must hold, ID:HASH, as this command or the journal showed it earlier
    #[arg(long = "known", value_name = "ID:HASH")]
    known: Vec<String>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(ago) = duration::parse(text) {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        return Ok(Timestamp(i64::try_from(now.saturating_sub(ago)).unwrap_or(i64::MAX)));
    }
    Timestamp::parse(text).map_err(|_| {
        "a time is 2026-01-31, 2026-01-31T12:00:00Z, or 2h for two hours ago".to_owned()
    })
}

impl Verb {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::List(list) => list.run(session).await,
            Self::Verify(verify) => verify.run(session).await,
        }
    }
}

impl List {
    fn options(&self, from: Option<(&'static str, u64)>, limit: u64) -> Options<'_> {
        let mut options = Options::from([("limit", limit.into())]);
        for (name, text) in [
            ("user", &self.user),
            ("group", &self.group),
            ("actor", &self.actor),
            ("action", &self.action),
        ] {
            options.extend(text.as_deref().map(|text| (name, text.into())));
        }
        for (name, at) in [("since", self.since), ("until", self.until)] {
            options.extend(at.map(|at| (name, Variant::new(at.to_string()))));
        }
        options.extend(from.map(|(name, id)| (name, id.into())));
        options
    }

    async fn run(self, session: &Session) -> Result<Answer, Error> {
        let way = if self.after.is_some() { "after" } else { "before" };
        let mut from = self.after.or(self.before).map(|id| (way, id));
        let mut rows: Vec<Value> = Vec::new();
        let more = loop {
            let options = self.options(from, self.limit - rows.len() as u64);
            let (page, more): (Vec<Dictionary>, bool) =
                session.call_on(AUDIT, "ListAudit", &(options,)).await?;
            let ended = page.is_empty();
            for row in &page {
                rows.push(shown(row)?);
            }
            from = rows.last().and_then(number).map(|id| (way, id)).or(from);
            if ended || !more || rows.len() as u64 >= self.limit {
                break more && !ended;
            }
        };
        let next = from.filter(|_| more).map(|(_, id)| id);
        let value = json!({"limit": self.limit, "next": next, "rows": rows});
        let answer = Answer::new(value, View::Rows { list: Some("rows"), columns: COLUMNS });
        Ok(match next {
            Some(id) => answer.with_note(format!("there is more; the next: --{way} {id}")),
            None => answer,
        })
    }
}

fn number(row: &Value) -> Option<u64> {
    // A row below 1 is nobody's: the log must be verified, not listed on.
    u64::try_from(row.get("id")?.as_i64()?).ok()
}

/// A row with its change as the object that it is; what is none stays text.
fn shown(row: &Dictionary) -> Result<Value, Error> {
    let mut row = to_record(row)?;
    if let Some(change) = row.get_mut("change")
        && let Some(object @ Value::Object(_)) =
            change.as_str().and_then(|text| serde_json::from_str(text).ok())
    {
        *change = object;
    }
    Ok(Value::Object(row))
}

impl Verify {
    async fn run(self, session: &Session) -> Result<Answer, Error> {
        let mut options = Options::new();
        if !self.known.is_empty() {
            options.insert("known", Variant::new(self.known));
        }
        let report: Dictionary = session.call_on(AUDIT, "VerifyAudit", &(options,)).await?;
        let mut report = to_record(&report)?;
        report.entry("head").or_insert(Value::Null);
        let report = Value::Object(report);
        let valid = report["valid"] == json!(true);
        let lines = sentences(&report);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let answer = Answer::lines(report.clone(), &lines);
        Ok(if valid { answer } else { answer.negative() })
    }
}

fn sentences(report: &Value) -> Vec<String> {
    let text = |value: &Value, field: &str| {
        value.get(field).map(|value| value.as_str().map_or(value.to_string(), str::to_owned))
    };
    let rows = text(report, "rows").unwrap_or_default();
    let mut lines = Vec::new();
    let findings = report.get("findings").and_then(Value::as_array);
    for finding in findings.into_iter().flatten() {
        let count = finding.get("count").and_then(Value::as_i64).unwrap_or(1);
        let message = text(finding, "message").unwrap_or_default();
        let further =
            if count > 1 { format!(" ({} more like this)", count - 1) } else { String::new() };
        lines.push(format!("{}: {message}{further}", text(finding, "kind").unwrap_or_default()));
    }
    let head = report.get("head").filter(|head| head.is_object()).map(|head| {
        let (id, hash) = (text(head, "id"), text(head, "hash"));
        format!("{}:{}", id.unwrap_or_default(), hash.unwrap_or_default())
    });
    if lines.is_empty() {
        lines.push(format!("All {rows} rows are what was written."));
        lines.extend(
            head.map(|head| format!("Keep this elsewhere, to ask for it later: --known {head}")),
        );
    } else {
        lines.insert(0, format!("The audit log of {rows} rows is not what was written:"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_told_in_sentences() {
        let mut report = json!({"valid": true, "rows": 2, "head": {"id": 2, "hash": "aa"},
            "findings": []});
        let lines = sentences(&report);
        assert_eq!(lines[0], "All 2 rows are what was written.");
        assert!(lines[1].ends_with(" --known 2:aa"));
        report["findings"] = json!([
            {"kind": "changed", "row": 1, "count": 3, "message": "row 1 is not what was written there"},
            {"kind": "end", "row": 2, "count": 1, "message": "x"},
        ]);
        let expected = [
            "The audit log of 2 rows is not what was written:",
            "changed: row 1 is not what was written there (2 more like this)",
            "end: x",
        ];
        assert_eq!(sentences(&report), expected);
        assert_eq!(sentences(&json!({"rows": 0, "head": null, "findings": []})).len(), 1);
    }

    #[test]
    fn times_are_dates_or_spans_before_now() {
        assert_eq!(time("2023-11-14T22:13:20Z"), Ok(Timestamp(1_700_000_000)));
        let ago = |text| time(text).map(|at| at.0).unwrap_or_default();
        assert!((3600..3700).contains(&(ago("1h") - ago("2h"))));
        assert!(time("yesterday").is_err());
    }
}
