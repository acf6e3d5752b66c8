//! What an account leaves on the machine beside its record, as people read it.

use serde_json::Value;

/// One of the answer's leftovers or warnings: "3 temporary files in /tmp".
pub fn phrase(leftover: &Value) -> String {
    let path = leftover["path"].as_str().unwrap_or_default();
    let count = leftover["count"].as_u64().unwrap_or_default();
    let some = |one: &str, many: &str| {
        if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
    };
    match leftover["kind"].as_str().unwrap_or_default() {
        "at_jobs" => format!("{} in {path}", some("at job", "at jobs")),
        "temporary_files" => format!("{} in {path}", some("temporary file", "temporary files")),
        "processes" => some("running process", "running processes"),
        "home" => format!("home directory {path}"),
        "linger" => format!("lingering at boot ({path})"),
        kind => format!("{kind} {path}"),
    }
}

/// All of them, with whose they are where that is somebody else than the reader thinks.
pub fn phrases(leftovers: &Value, with_owner: bool) -> Option<String> {
    let leftovers = leftovers.as_array().filter(|list| !list.is_empty())?;
    let phrases = leftovers.iter().map(|leftover| match leftover["uid"].as_u64() {
        Some(uid) if with_owner => format!("{} of uid {uid}", phrase(leftover)),
        _ => phrase(leftover),
    });
    Some(phrases.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn leftovers_are_one_line() {
        let found = json!([
            {"kind": "crontab", "path": "/var/spool/cron/crontabs/a", "count": 1, "uid": 3000},
            {"kind": "temporary_files", "path": "/tmp", "count": 3, "uid": 3000},
            {"kind": "processes", "path": "", "count": 1, "uid": 3000},
        ]);
        let line =
            "crontab /var/spool/cron/crontabs/a, 3 temporary files in /tmp, 1 running process";
        assert_eq!(phrases(&found, false).as_deref(), Some(line));
        let mail = json!([{"kind": "mail", "path": "/var/mail/a", "count": 1, "uid": 3000}]);
        assert_eq!(phrases(&mail, true).as_deref(), Some("mail /var/mail/a of uid 3000"));
        assert_eq!(phrases(&json!([]), true), None);
        assert_eq!(phrases(&Value::Null, true), None);
    }
}
