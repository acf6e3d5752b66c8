//! What a dry run answers: the daemon's plan, for people as a list of lines.

use serde_json::{Map, Value, json};

use crate::output::{Answer, View, printable};

/// The answer that shows a plan.
#[must_use]
pub fn answer(plan: Map<String, Value>) -> Answer {
    let mut plan = Value::Object(plan);
    complete(&mut plan);
    let text = for_people(&plan);
    Answer::new(plan, View::Text(text.into()))
}

/// Puts back what the bus cannot carry: values that there are none of.
fn complete(plan: &mut Value) {
    for list in ["changes", "effects", "files", "warnings"] {
        if plan[list].is_null() {
            plan[list] = json!([]);
        }
    }
    for change in plan["changes"].as_array_mut().into_iter().flatten() {
        for end in ["from", "to"] {
            if change[end].is_null() {
                change[end] = Value::Null;
            }
        }
    }
}

fn for_people(plan: &Value) -> String {
    let mut lines = vec!["Nothing is changed: this is a dry run.".to_owned()];
    let mut part = |heading: &str, part: Vec<String>| {
        if !part.is_empty() {
            lines.push(heading.to_owned());
            lines.extend(part.iter().map(|line| format!("  {}", printable(line))));
        }
    };
    part("Would change:", entries(plan, "changes").flat_map(change).collect());
    part("Would be done:", entries(plan, "effects").flat_map(effect).collect());
    part("Files:", texts(&plan["files"]).map(str::to_owned).collect());
    part("Mind:", texts(&plan["warnings"]).map(str::to_owned).collect());
    if lines.len() == 1 {
        lines.push("Nothing would change: it is so already.".to_owned());
    }
    lines.join("\n")
}

fn entries<'a>(plan: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    plan[list].as_array().into_iter().flatten()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// A field, with `-` before what goes and `+` before what comes.
fn change(change: &Value) -> Vec<String> {
    let text = |key: &str| change[key].as_str().unwrap_or_default();
    let what = format!("{} {} {}", text("kind"), text("name"), text("field"));
    let entry = |sign: char, value: &str| format!("{sign} {what}: {value}");
    let (gone, come) = (texts(&change["removed"]), texts(&change["added"]));
    let mut lines: Vec<_> = gone.map(|value| entry('-', value)).collect();
    lines.extend(come.map(|value| entry('+', value)));
    if lines.is_empty() {
        for (sign, end) in [('-', "from"), ('+', "to")] {
            match &change[end] {
                Value::Null => {}
                Value::String(value) => lines.push(entry(sign, value)),
                value => lines.push(entry(sign, &value.to_string())),
            }
        }
    }
    lines
}

fn effect(effect: &Value) -> Vec<String> {
    let mut lines = vec![effect["text"].as_str().unwrap_or_default().to_owned()];
    lines.extend(texts(&effect["removed"]).map(|line| format!("- {line}")));
    lines.extend(texts(&effect["added"]).map(|line| format!("+ {line}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Format;

    fn plan(value: Value) -> Answer {
        answer(value.as_object().cloned().unwrap_or_default())
    }

    #[test]
    fn a_plan_reads_line_by_line() {
        let plan = plan(json!({
            "verb": "UpdateUser", "subject": "alice",
            "changes": [
                {"kind": "user", "name": "alice", "field": "shell", "from": "/bin/bash", "to": "/bin/sh"},
                {"kind": "user", "name": "alice", "field": "groups", "from": ["a"], "to": ["b"],
                 "added": ["b"], "removed": ["a"]},
                {"kind": "user", "name": "alice", "field": "email", "from": "a@b.c\u{1b}[2J"},
            ],
            "effects": [{"kind": "sudoers", "path": "/etc/sudoers.d/50-roster", "text": "write it",
                "added": ["#3000 ALL"]}],
            "files": ["/etc/sudoers.d/50-roster"], "warnings": ["alice could no longer log in"],
        }));
        let expected = "\
Nothing is changed: this is a dry run.
Would change:
  - user alice shell: /bin/bash
  + user alice shell: /bin/sh
  - user alice groups: a
  + user alice groups: b
  - user alice email: a@b.c\\u{1b}[2J
Would be done:
  write it
  + #3000 ALL
Files:
  /etc/sudoers.d/50-roster
Mind:
  alice could no longer log in
";
        assert_eq!(plan.render(Format::Table, None).as_str(), expected);
        let json = plan.render(Format::Json, None);
        let json: Value = serde_json::from_str(&json).unwrap_or_default();
        assert_eq!(json["changes"][2]["to"], Value::Null);
        assert!(json["changes"][2].get("to").is_some());
    }

    #[test]
    fn a_plan_of_nothing_says_so() {
        let plan = plan(json!({"verb": "SetProfile", "subject": ""}));
        let text = plan.render(Format::Table, None);
        assert!(text.contains("Nothing would change"), "{}", text.as_str());
        let json: Value =
            serde_json::from_str(&plan.render(Format::Json, None)).unwrap_or_default();
        assert_eq!(json["changes"], json!([]));
    }
}
