//! Records of the service as dictionaries of the bus, and requests as JSON.

use accounts::{Subject, UserFields};
use bus::{BusError, Dictionary, ErrorName, from_dictionary, to_dictionary};
use serde::Serialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::errors::{dictionary_error, invalid};

/// A page is cut here, in bytes of its JSON: the system bus takes messages of 32 MiB.
const MAX_PAGE_BYTES: usize = 12 * 1024 * 1024;

/// The longest text that is searched for, in bytes.
const MAX_SEARCH: usize = 256;

/// A record as a dictionary.
pub(super) fn record(record: &impl Serialize) -> Result<Dictionary, BusError> {
    let unreadable = |reason: String| {
        tracing::error!(reason, "a record cannot be shown");
        BusError::new(ErrorName::Unavailable, "the record cannot be shown: see the service's log")
    };
    match serde_json::to_value(record) {
        Ok(Value::Object(object)) => {
            to_dictionary(&object).map_err(|error| unreadable(error.to_string()))
        }
        Ok(_) => Err(unreadable("it is no object".to_owned())),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// As many records as one message may hold: at least one, and all when they fit.
pub(super) fn records<T: Serialize>(items: &[T]) -> Result<Vec<Dictionary>, BusError> {
    let mut size = 0;
    let mut dictionaries = Vec::with_capacity(items.len());
    for item in items {
        size += serde_json::to_vec(item).map_or(0, |json| json.len());
        if size > MAX_PAGE_BYTES && !dictionaries.is_empty() {
            break;
        }
        dictionaries.push(record(item)?);
    }
    Ok(dictionaries)
}

/// The fields of a request.
pub(super) fn fields(dictionary: &Dictionary) -> Result<Map<String, Value>, BusError> {
    from_dictionary(dictionary).map_err(|error| dictionary_error(&error))
}

/// Who is meant.
pub(super) fn subject(text: &str) -> Result<Subject, BusError> {
    Subject::parse(text).map_err(|refused| invalid("subject", &refused.message))
}

/// Whether the fields are only those that everybody may change in the own record.
pub(super) fn are_own(fields: &Map<String, Value>) -> bool {
    fields.keys().all(|key| UserFields::OWN.contains(&key.as_str()))
}

/// Whether the fields may give, or take, what makes root of somebody. The service looks again,
/// and exactly; this tells which question to ask polkit.
pub(super) fn give_power(fields: &Map<String, Value>, root_groups: &[String]) -> bool {
    let powerful = |group: &Value| group.as_str().is_none_or(|name| is_powerful(name, root_groups));
    fields.iter().any(|(key, value)| match key.as_str() {
        "sudo_commands" | "sudo_commands_nopasswd" | "role" => true,
        "group" => powerful(value),
        "groups" => value.as_array().is_none_or(|groups| groups.iter().any(powerful)),
        _ => false,
    })
}

/// Whether a group's name stands for power, or is a number that may.
pub(super) fn is_powerful(group: &str, root_groups: &[String]) -> bool {
    let group = group.strip_prefix("gid:").unwrap_or(group);
    group.bytes().all(|b| b.is_ascii_digit()) || root_groups.iter().any(|name| name == group)
}

/// The text that a list is searched for (none: the empty text), and the other options.
pub(super) fn searched(mut options: Dictionary) -> Result<(String, Dictionary), BusError> {
    let Some(search) = options.remove("search") else { return Ok((String::new(), options)) };
    match fields(&Dictionary::from([("search".to_owned(), search)]))?.remove("search") {
        Some(Value::String(search)) if search.len() <= MAX_SEARCH => Ok((search, options)),
        _ => Err(invalid("search", "is a text of at most 256 bytes")),
    }
}

/// JSON that holds secrets, in memory that is wiped.
pub(super) fn secret_json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, BusError> {
    // Never grows past this: bus::MAX_SECRET would be refused anyhow.
    let mut json = Zeroizing::new(Vec::with_capacity(2 * bus::MAX_SECRET));
    serde_json::to_writer(&mut *json, value)
        .map_err(|_| BusError::new(ErrorName::Unavailable, "the secret could not be passed on"))?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn own_fields_are_those_and_no_others() {
        assert!(are_own(&map(json!({"shell": "/bin/sh", "full_name": "A"}))));
        for other in ["uid", "groups", "role", "sudo_commands", "locked", "email", "home"] {
            assert!(!are_own(&map(json!({"shell": "/bin/sh", other: 1}))), "{other}");
        }
    }

    #[test]
    fn what_gives_root_is_seen() {
        let root_groups = ["sudo".to_owned()];
        for power in [
            json!({"role": "user"}),
            json!({"sudo_commands": []}),
            json!({"sudo_commands_nopasswd": ["ALL"]}),
            json!({"groups": ["audio", "sudo"]}),
            json!({"groups": ["27"]}),
            json!({"groups": [27]}),
            json!({"groups": "sudo"}),
            json!({"group": "sudo"}),
            json!({"group": "0"}),
        ] {
            assert!(give_power(&map(power.clone()), &root_groups), "{power}");
        }
        let plain = json!({"groups": ["audio"], "group": "users", "shell": "/bin/sh"});
        assert!(!give_power(&map(plain), &root_groups));
    }

    #[test]
    fn a_page_stays_below_what_the_bus_takes() {
        let big = json!({ "attributes": { "x": "y".repeat(5 * 1024 * 1024) } });
        assert_eq!(records(&[big.clone(), big.clone(), big.clone()]).unwrap().len(), 2);
        let huge = json!({ "attributes": { "x": "y".repeat(13 * 1024 * 1024) } });
        assert_eq!(records(&[huge.clone(), huge]).unwrap().len(), 1);
        let small: Vec<_> = (0..100).map(|n| json!({ "uid": n })).collect();
        assert_eq!(records(&small).unwrap().len(), 100);
    }
}
