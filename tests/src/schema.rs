//! Whether a JSON document is what a JSON Schema says, for the keywords that ours use; an unknown one
//! is a failure, not ignored. Stricter than a schema by default: a property that the schema does not
//! name is one that nobody was told of.

use serde_json::Value;

/// What is wrong with the document, if anything is: where, and why.
#[must_use]
pub fn complaint(schema: &Value, document: &Value) -> Option<String> {
    check(schema, schema, document, "$").err()
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let keywords = schema.as_object().ok_or_else(|| format!("{at}: the schema is no object"))?;
    let fail = |why: String| Err(format!("{at}: {why}: {value}"));
    for (keyword, rule) in keywords {
        match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" | "required" | "pattern" => {}
            "type" => {
                let kinds = rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice);
                if !kinds.iter().any(|kind| is_of(value, kind)) {
                    return fail(format!("is no {rule}"));
                }
            }
            "const" if value != rule => return fail(format!("is not {rule}")),
            "enum" if !rule.as_array().is_some_and(|all| all.contains(value)) => {
                return fail(format!("is none of {rule}"));
            }
            "const" | "enum" => {}
            "minimum" => {
                if value.as_f64().is_some_and(|number| number < rule.as_f64().unwrap_or(f64::MAX)) {
                    return fail(format!("is below {rule}"));
                }
            }
            "$ref" => {
                let pointer = rule.as_str().and_then(|reference| reference.strip_prefix('#'));
                let Some(part) = pointer.and_then(|pointer| root.pointer(pointer)) else {
                    return fail(format!("{rule} leads nowhere"));
                };
                check(root, part, value, at)?;
            }
            "anyOf" => {
                let choices = rule.as_array().map(Vec::as_slice).unwrap_or_default();
                if choices.iter().all(|choice| check(root, choice, value, at).is_err()) {
                    return fail("is none of what it may be".to_owned());
                }
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{at}[{i}]"))?;
                }
            }
            "properties" => {
                for (name, property) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(rule) => check(root, rule, property, &format!("{at}.{name}"))?,
                        None => return fail(format!("{name} is not in the schema")),
                    }
                }
            }
            "additionalProperties" => {
                for (name, property) in value.as_object().into_iter().flatten() {
                    check(root, rule, property, &format!("{at}.{name}"))?;
                }
            }
            other => return Err(format!("{at}: {other} is not known here")),
        }
    }
    for name in keywords.get("required").and_then(Value::as_array).into_iter().flatten() {
        if name.as_str().is_some_and(|name| value.get(name).is_none()) {
            return fail(format!("{name} is missing"));
        }
    }
    Ok(())
}

fn is_of(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_that_is_not_as_described_is_complained_of() {
        let schema = json!({
            "type": "object",
            "properties": {"a": {"type": ["integer", "null"], "minimum": 1},
                "b": {"type": "array", "items": {"$ref": "#/$defs/word"}},
                "c": {"anyOf": [{"const": true}, {"enum": ["x"]}]}},
            "required": ["a"],
            "$defs": {"word": {"type": "string"}},
        });
        for good in [json!({"a": 1}), json!({"a": null, "b": ["x"], "c": true})] {
            assert_eq!(complaint(&schema, &good), None);
        }
        for (bad, told) in [
            (json!([]), "$: is no \"object\""),
            (json!({}), "\"a\" is missing"),
            (json!({"a": 0}), "$.a: is below 1"),
            (json!({"a": "1"}), "$.a: is no"),
            (json!({"a": 1, "b": ["x", 2]}), "$.b[1]: is no \"string\""),
            (json!({"a": 1, "c": "y"}), "$.c: is none"),
            (json!({"a": 1, "d": 1}), "d is not in the schema"),
        ] {
            let complaint = complaint(&schema, &bad).unwrap_or_default();
            assert!(complaint.contains(told), "{bad}: {complaint}");
        }
        assert!(complaint(&json!({"oneOf": []}), &json!(1)).is_some());
    }
}
