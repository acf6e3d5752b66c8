//! JSON values as YAML 1.2, in block style; every text is quoted, so that none reads as something else.

use serde_json::Value;

/// The value as one YAML document.
#[must_use]
pub fn yaml(value: &Value) -> String {
    let mut out = String::new();
    node(&mut out, value, 0, false);
    out
}

/// Writes a value; `inline` when something (a key, a dash) stands before it on the line.
fn node(out: &mut String, value: &Value, depth: usize, inline: bool) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (i, (key, value)) in map.iter().enumerate() {
                // The first key of a list's item follows its dash.
                if i > 0 || !inline {
                    indent(out, depth);
                }
                out.push_str(&quoted(key));
                out.push(':');
                child(out, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                if i > 0 || !inline {
                    indent(out, depth);
                }
                out.push_str("- ");
                node(out, item, depth + 1, true);
            }
        }
        // JSON's scalars and empty collections are YAML's.
        scalar => {
            out.push_str(&scalar.to_string());
            out.push('\n');
        }
    }
}

fn child(out: &mut String, value: &Value, depth: usize) {
    let nested = value.as_object().is_some_and(|map| !map.is_empty())
        || value.as_array().is_some_and(|items| !items.is_empty());
    if nested {
        out.push('\n');
        node(out, value, depth + 1, false);
    } else {
        out.push(' ');
        node(out, value, depth, true);
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// A key as it is when it cannot be misread, else in quotes.
fn quoted(key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !matches!(key, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if plain { key.to_owned() } else { Value::from(key).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn records_and_lists_are_blocks() {
        let value = json!({"total": 1, "users": [{"groups": ["a", "b"], "name": "no", "x": null}]});
        assert_eq!(
            yaml(&value),
            "total: 1\nusers:\n  - groups:\n      - \"a\"\n      - \"b\"\n    name: \"no\"\n    x: null\n"
        );
    }

    #[test]
    fn text_cannot_break_out() {
        let value = json!({"a": "x\n- y: \"z\"", "no": {}, "b c": [], "n": [[1]]});
        assert_eq!(
            yaml(&value),
            "a: \"x\\n- y: \\\"z\\\"\"\n\"b c\": []\n\"n\":\n  - - 1\n\"no\": {}\n"
        );
    }
}
