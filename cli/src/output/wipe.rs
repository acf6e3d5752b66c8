//! Wiping of JSON values that may hold secrets.

use serde_json::Value;
use zeroize::Zeroize;

/// Overwrites every text in the value.
pub fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_text_is_left() {
        let mut value = json!({"a": "x", "b": [{"c": "y"}], "n": 1});
        wipe(&mut value);
        assert_eq!(value, json!({"a": "", "b": [{"c": ""}], "n": 1}));
    }
}
