//! What an audit row says of a change: one JSON object of bounded size.

use serde_json::{Map, Value, json};

use super::Comparison;
use super::difference::{Changed, hash, shown};

/// The longest a row's text gets, in bytes.
const LONGEST_ROW: usize = 16 * 1024;

/// The row's text. What the verb says of itself comes first; then each field of the row's own
/// subject with its values before and after, and those of others under their kind and name.
pub(in crate::service) fn row(
    said: &Value,
    subject_id: &str,
    comparisons: &[&Comparison],
) -> String {
    let mut row = Map::new();
    for (key, value) in said.as_object().into_iter().flatten() {
        // Numbers, short lists and flags stay what they are.
        let small = value.to_string().len() <= 1024;
        row.insert(key.clone(), if small { value.clone() } else { shown(value) });
    }
    for comparison in comparisons {
        let own = comparison.is(subject_id);
        for change in &comparison.changes {
            let entry = entry(change);
            if own {
                row.insert(change.field.clone(), entry);
            } else {
                let thing = format!("{} {}", change.kind, change.name);
                if let Value::Object(of_thing) = row.entry(thing).or_insert_with(|| json!({})) {
                    of_thing.insert(change.field.clone(), entry);
                }
            }
        }
    }
    let text = Value::Object(row).to_string();
    if text.len() <= LONGEST_ROW { text } else { shorten(&text, said, comparisons) }
}

fn entry(change: &Changed) -> Value {
    // Of a list that was not read as a whole there is nothing but these.
    let unread = change.from.is_null() && change.to.is_null();
    let mut entry = json!({});
    if !unread {
        entry = json!({ "from": change.from, "to": change.to });
    }
    for (key, list) in [("added", &change.added), ("removed", &change.removed)] {
        // Beside short lists they would only say it again.
        let cut = unread || change.from.is_string() || change.to.is_string();
        if cut && !list.is_empty() {
            entry[key] = json!(list);
        }
    }
    entry
}

/// Of a row that is too long: the names of what changed, as far as they fit, and the hash of what
/// would have stood there.
fn shorten(whole: &str, said: &Value, comparisons: &[&Comparison]) -> String {
    let changes: Vec<&Changed> = comparisons.iter().flat_map(|c| &c.changes).collect();
    let mut room = LONGEST_ROW / 2;
    let names = changes
        .iter()
        .map(|change| json!(format!("{} {}: {}", change.kind, change.name, change.field)));
    let fields: Vec<Value> = names
        .take_while(|name| {
            let length = name.to_string().len() + 1;
            let fits = length <= room;
            room = room.saturating_sub(length);
            fits
        })
        .collect();
    let cut = json!({
        "cut": { "bytes": whole.len(), "sha256": hash(whole), "fields": changes.len() },
        "fields": fields, "said": shown(said),
    });
    cut.to_string()
}
