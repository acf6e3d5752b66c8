//! The audit log: `org.roster.Accounts1.Audit`, on the management object.
//! What the methods mean is in packaging/dbus/org.roster.Accounts1.Audit.xml.

use std::sync::Arc;

use accounts::{Code, FieldErrors, Subject, Timestamp};
use bus::names::{DEFAULT_PAGE, MAX_PAGE};
use bus::{BusError, Dictionary, ErrorName};
use serde_json::{Value, json};
use zbus::interface;
use zbus::message::Header;

use super::door::Door;
use super::errors::bus_error;
use super::gate::Guarded;
use super::options::Options;
use super::records::{fields, record, records};
use super::verb::Verb;
use crate::service::{AuditQuery, MAX_KNOWN, Service};
use crate::store::{AuditFrom, AuditHead, AuditReport, AuditRow};

/// The interface for the audit log, at /org/roster/Accounts1.
pub(super) struct Audit {
    door: Arc<Door>,
}

impl Audit {
    pub(super) const fn new(door: Arc<Door>) -> Self {
        Self { door }
    }
}

impl Guarded for Audit {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

#[interface(name = "org.roster.Accounts1.Audit", introspection_docs = false)]
impl Audit {
    #[zbus(out_args("rows", "more"))]
    async fn list_audit(
        &self,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(Vec<Dictionary>, bool), BusError> {
        self.door.grant(&call, Verb::ListAudit, None).await?;
        let query = query(options)?;
        let list = move |service: &Service| {
            let page = service.list_audit(&query).map_err(|error| bus_error(&error))?;
            let rows: Vec<Value> = page.rows.iter().map(shown).collect();
            let sent = records(&rows)?;
            let more = page.more || sent.len() < rows.len();
            Ok((sent, more))
        };
        self.door.blocking(list).await
    }

    #[zbus(out_args("report"))]
    async fn verify_audit(
        &self,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        self.door.grant(&call, Verb::VerifyAudit, None).await?;
        let known = known(&options)?;
        let report = self.door.run(move |service| service.verify_audit(&known)).await?;
        record(&told(&report))
    }
}

fn shown(row: &AuditRow) -> Value {
    let AuditRow { id, at, actor_uid, actor, via, action, subject, subject_id, change, hash } = row;
    json!({
        "id": id, "at": Timestamp(*at), "actor_uid": actor_uid, "actor": actor, "via": via,
        "action": action, "subject": subject, "subject_id": subject_id, "change": change, "hash": hash,
    })
}

fn told(report: &AuditReport) -> Value {
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "kind": finding.kind.name(), "row": finding.row, "count": finding.count,
                "message": finding.message,
            })
        })
        .collect();
    let head = report.head.as_ref().map(|head| json!({"id": head.id, "hash": head.hash_text()}));
    json!({
        "valid": report.is_valid(), "rows": report.rows, "head": head, "findings": findings,
    })
}

fn query(options: Dictionary) -> Result<AuditQuery, BusError> {
    let mut options = Options::new(options);
    let mut subject = |key: &str| {
        let text = options.text(key)?;
        match Subject::parse(&text) {
            Ok(subject) => Some(subject),
            Err(refused) => {
                options.refuse(key, Code::Invalid, &refused.message);
                None
            }
        }
    };
    let (user, group, actor) = (subject("user"), subject("group"), subject("actor"));
    let mut time = |key: &str| {
        let text = options.text(key)?;
        match Timestamp::parse(&text) {
            Ok(time) => Some(time.0),
            Err(refused) => {
                options.refuse(key, Code::Invalid, &refused.message);
                None
            }
        }
    };
    let (since, until) = (time("since"), time("until"));
    let action = options.text("action");
    let row = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let from = match (options.number("before").map(row), options.number("after").map(row)) {
        (None, None) => AuditFrom::Newest,
        (Some(id), None) => AuditFrom::Before(id),
        (None, Some(id)) => AuditFrom::After(id),
        (Some(_), Some(_)) => {
            options.refuse("after", Code::Conflict, "goes forwards, and before goes backwards");
            AuditFrom::Newest
        }
    };
    let limit = options.number("limit").unwrap_or(DEFAULT_PAGE);
    if limit > MAX_PAGE {
        options.refuse("limit", Code::TooLong, "a page has at most 10000 entries");
    }
    options.finish()?;
    Ok(AuditQuery { user, group, actor, action, since, until, from, limit })
}

/// The rows that the caller knows.
fn known(options: &Dictionary) -> Result<Vec<AuditHead>, BusError> {
    let mut errors = FieldErrors::default();
    let mut known = Vec::new();
    for (key, value) in fields(options)? {
        match (key.as_str(), value) {
            ("known", Value::Array(rows)) if rows.len() <= MAX_KNOWN => {
                for row in rows {
                    match row.as_str().and_then(AuditHead::parse) {
                        Some(row) => known.push(row),
                        None => errors.add("known", Code::Invalid, "is a list of rows as ID:HASH"),
                    }
                }
            }
            ("known", Value::Array(_)) => {
                errors.add("known", Code::TooLong, format!("names more than {MAX_KNOWN} rows"));
            }
            ("known", _) => errors.add("known", Code::WrongType, "is a list of rows as ID:HASH"),
            (key, _) => {
                let shown: String = key.escape_debug().take(64).collect();
                errors.add(&shown, Code::UnknownField, "is no option of this call");
            }
        }
    }
    if errors.is_empty() {
        Ok(known)
    } else {
        Err(BusError::with_fields(ErrorName::InvalidField, errors))
    }
}
