//! Attributes, settings and profile of a user, one value at a time. NSS shows none of it, so the
//! index is not written again.

use std::collections::BTreeMap;

use accounts::{
    Code, FieldErrors, MAX_METADATA, MetadataKey, MetadataText, ProfileKey, Refused, Subject,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::administrators::need;
use super::change::{Change, EventKind};
use super::{Error, Service, caller};
use crate::authorize::{Action, Grant};
use crate::store::UserRow;

/// What is kept beside a user's record proper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each is the record's field of that name, see accounts::User")]
pub struct Metadata {
    pub attributes: Map<String, Value>,
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
    pub profile: BTreeMap<String, String>,
}

fn parsed<T>(field: &str, parsed: Result<T, Refused>) -> Result<T, Error> {
    parsed.map_err(|refused| Error::field(field, refused.code, refused.message))
}

fn not_set(key: &str, user: &UserRow) -> Error {
    Error::field("key", Code::NotFound, format!("{key} is not set for {}", user.name))
}

impl Service {
    /// A user's attributes, settings and profile.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn metadata(&self, subject: &Subject) -> Result<Metadata, Error> {
        self.read(|db| {
            let user = caller::find(db, subject)?;
            Ok(Metadata {
                settings: db.settings(user.id)?,
                profile: db.profile(user.id)?,
                attributes: user.attributes,
            })
        })
    }

    /// Sets an attribute to any JSON.
    ///
    /// # Errors
    /// When the key is refused, or the attributes would be larger than [`MAX_METADATA`].
    pub fn set_attribute(
        &self,
        grant: &Grant,
        subject: &Subject,
        key: &str,
        value: Value,
    ) -> Result<(), Error> {
        let key = parsed("key", MetadataKey::parse(key))?;
        self.edit(grant, Action::AttributeManage, subject, "attr-set", |_, user| {
            user.attributes.insert(key.as_str().to_owned(), value);
            let size = Value::Object(user.attributes.clone()).to_string().len();
            if size > MAX_METADATA {
                let message = format!("would make the attributes larger than {MAX_METADATA} bytes");
                return Err(Error::field("value", Code::TooLong, message));
            }
            Ok(((), Some(json!({ "key": key.as_str() }))))
        })
    }

    /// Removes an attribute; false when there is none of that name.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn pop_attribute(
        &self,
        grant: &Grant,
        subject: &Subject,
        key: &str,
    ) -> Result<bool, Error> {
        self.edit(grant, Action::AttributeManage, subject, "attr-pop", |_, user| {
            let found = user.attributes.remove(key).is_some();
            Ok((found, found.then(|| json!({ "key": key }))))
        })
    }

    /// Sets a setting of a program for a user; with `update_only` only one that is there.
    ///
    /// # Errors
    /// When app, key or value is refused, the settings would be larger than [`MAX_METADATA`], or
    /// `update_only` finds nothing.
    pub fn set_setting(
        &self,
        grant: &Grant,
        subject: &Subject,
        (app, key): (&str, &str),
        value: &str,
        update_only: bool,
    ) -> Result<(), Error> {
        let mut errors = FieldErrors::default();
        for (field, text) in [("app", app), ("key", key)] {
            if let Err(refused) = MetadataKey::parse(text) {
                errors.add(field, refused.code, refused.message);
            }
        }
        if let Err(refused) = MetadataText::parse(value) {
            errors.add("value", refused.code, refused.message);
        }
        errors.into_result()?;
        self.edit(grant, Action::MetadataManage, subject, "setting-set", |change, user| {
            let settings = change.db.settings(user.id)?;
            let before = settings.get(app).and_then(|settings| settings.get(key));
            if update_only && before.is_none() {
                return Err(not_set(&format!("{app} {key}"), user));
            }
            if before.is_some_and(|before| before == value) {
                return Ok(((), None));
            }
            let size = |app: &str, key: &str, value: &str| app.len() + key.len() + value.len();
            let all = settings.iter().flat_map(|(app, settings)| {
                settings.iter().map(move |(key, value)| size(app, key, value))
            });
            let replaced = before.map_or(0, |before| size(app, key, before));
            if all.sum::<usize>() - replaced + size(app, key, value) > MAX_METADATA {
                let message = format!("would make the settings larger than {MAX_METADATA} bytes");
                return Err(Error::field("value", Code::TooLong, message));
            }
            change.db.set_setting(user.id, app, key, value)?;
            Ok(((), Some(json!({ "app": app, "key": key }))))
        })
    }

    /// Deletes a setting; false when there is none such.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn delete_setting(
        &self,
        grant: &Grant,
        subject: &Subject,
        (app, key): (&str, &str),
    ) -> Result<bool, Error> {
        self.edit(grant, Action::MetadataManage, subject, "setting-delete", |change, user| {
            let found = change.db.delete_setting(user.id, app, key)?;
            Ok((found, found.then(|| json!({ "app": app, "key": key }))))
        })
    }

    /// Sets a text of a user's profile; with `update_only` only one that is there.
    ///
    /// # Errors
    /// When the key is none of a profile's, the value is refused, or `update_only` finds nothing.
    pub fn set_profile(
        &self,
        grant: &Grant,
        subject: &Subject,
        key: &str,
        value: &str,
        update_only: bool,
    ) -> Result<(), Error> {
        let key = parsed("key", ProfileKey::parse(key))?.as_str();
        let value = parsed("value", MetadataText::parse(value))?;
        self.edit(grant, Action::MetadataManage, subject, "profile-set", |change, user| {
            let profile = change.db.profile(user.id)?;
            let before = profile.get(key);
            if update_only && before.is_none() {
                return Err(not_set(key, user));
            }
            if before.is_some_and(|before| before == value.as_str()) {
                return Ok(((), None));
            }
            change.db.set_profile(user.id, key, value.as_str())?;
            Ok(((), Some(json!({ "key": key }))))
        })
    }

    /// Deletes a text of a user's profile; false when it is not there.
    ///
    /// # Errors
    /// When the key is none of a profile's, or there is no such user.
    pub fn delete_profile(
        &self,
        grant: &Grant,
        subject: &Subject,
        key: &str,
    ) -> Result<bool, Error> {
        let key = parsed("key", ProfileKey::parse(key))?.as_str();
        self.edit(grant, Action::MetadataManage, subject, "profile-delete", |change, user| {
            let found = change.db.delete_profile(user.id, key)?;
            Ok((found, found.then(|| json!({ "key": key }))))
        })
    }

    /// Changes what hangs on a user. What the audit log shows of it comes with the answer; `None`:
    /// nothing changed.
    fn edit<T>(
        &self,
        grant: &Grant,
        action: Action,
        subject: &Subject,
        verb: &str,
        edit: impl FnOnce(&mut Change<'_>, &mut UserRow) -> Result<(T, Option<Value>), Error>,
    ) -> Result<T, Error> {
        self.change(grant.actor(), |change| {
            let mut user = caller::find(change.db, subject)?;
            need(grant, action, Some(user.id))?;
            let (answer, shown) = edit(change, &mut user)?;
            if let Some(shown) = shown {
                user.updated_at = change.now;
                user.generation += 1;
                change.db.update_user(&user)?;
                change.audit(verb, user.name.as_str(), &user.id.to_string(), &shown)?;
                change.tell(EventKind::Changed, user.uid, user.name.as_str());
            }
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::testing::{Fixture, fields_of, subject};
    use super::*;

    fn with_alice() -> (Fixture, Subject) {
        let f = Fixture::new();
        f.create(json!({"name": "alice"})).unwrap();
        (f, subject("alice"))
    }

    #[test]
    fn attributes_are_set_and_popped() {
        let (f, alice) = with_alice();
        let grant = f.root(Action::AttributeManage, Some("alice"));
        let values = [
            ("color", json!("blue")),
            ("desk", json!({"floor": [2, null]})),
            ("none", json!(null)),
        ];
        for (key, value) in &values {
            f.service.set_attribute(&grant, &alice, key, value.clone()).unwrap();
        }
        let attributes = f.service.metadata(&alice).unwrap().attributes;
        assert_eq!(
            Value::Object(attributes),
            json!({
                "color": "blue", "desk": {"floor": [2, null]}, "none": null,
            })
        );
        let generation = f.service.user(&alice).unwrap().generation;
        assert!(f.service.pop_attribute(&grant, &alice, "color").unwrap());
        assert_eq!(f.service.user(&alice).unwrap().generation, generation + 1);
        assert!(!f.service.pop_attribute(&grant, &alice, "color").unwrap());
        assert_eq!(f.service.user(&alice).unwrap().generation, generation + 1, "nothing changed");
    }

    #[test]
    fn attributes_have_a_size() {
        let (f, alice) = with_alice();
        let grant = f.root(Action::AttributeManage, Some("alice"));
        let half = json!("x".repeat(MAX_METADATA / 2));
        f.service.set_attribute(&grant, &alice, "a", half.clone()).unwrap();
        assert_eq!(
            fields_of(f.service.set_attribute(&grant, &alice, "b", half.clone())),
            ["value"]
        );
        f.service.set_attribute(&grant, &alice, "a", half).unwrap();
        let long = "x".repeat(65);
        for key in ["", "a\n", &long] {
            assert_eq!(fields_of(f.service.set_attribute(&grant, &alice, key, json!(1))), ["key"]);
        }
        assert_eq!(f.service.metadata(&alice).unwrap().attributes.len(), 1);
    }

    #[test]
    fn a_user_keeps_the_own_settings_and_profile_and_no_attributes() {
        let (f, alice) = with_alice();
        let own = f.grant(3000, Action::MetadataManage, Some("alice"));
        f.service.set_setting(&own, &alice, ("core", "lang"), "en", false).unwrap();
        f.service.set_setting(&own, &alice, ("core", "lang"), "de", true).unwrap();
        f.service.set_profile(&own, &alice, "pronouns", "they/them", false).unwrap();
        let kept = f.service.metadata(&alice).unwrap();
        assert_eq!(kept.settings["core"]["lang"], "de");
        assert_eq!(kept.profile["pronouns"], "they/them");
        let user = f.service.user(&alice).unwrap();
        assert_eq!((user.settings, user.profile), (kept.settings, kept.profile));
        let refused = f.service.set_attribute(&own, &alice, "a", json!(1));
        assert!(matches!(refused, Err(Error::NotAuthorized(_))));
        let bob = f.create(json!({"name": "bob"})).unwrap().user;
        let refused = f.service.set_profile(&own, &subject("bob"), "role", "boss", false);
        assert!(matches!(refused, Err(Error::NotAuthorized(_))));
        assert_eq!(f.service.user(&subject("bob")).unwrap().generation, bob.generation);
    }

    #[test]
    fn only_what_is_there_is_updated_or_deleted() {
        let (f, alice) = with_alice();
        let grant = f.root(Action::MetadataManage, Some("alice"));
        let set = f.service.set_setting(&grant, &alice, ("core", "lang"), "en", true);
        assert_eq!(fields_of(set), ["key"]);
        assert_eq!(fields_of(f.service.set_profile(&grant, &alice, "role", "x", true)), ["key"]);
        assert!(!f.service.delete_setting(&grant, &alice, ("core", "lang")).unwrap());
        assert!(!f.service.delete_profile(&grant, &alice, "role").unwrap());
        f.service.set_setting(&grant, &alice, ("core", "lang"), "en", false).unwrap();
        f.service.set_profile(&grant, &alice, "role", "x", false).unwrap();
        assert!(f.service.delete_setting(&grant, &alice, ("core", "lang")).unwrap());
        assert!(f.service.delete_profile(&grant, &alice, "role").unwrap());
        let kept = f.service.metadata(&alice).unwrap();
        assert!(kept.settings.is_empty() && kept.profile.is_empty());
    }

    #[test]
    fn settings_and_profiles_have_rules() {
        let (f, alice) = with_alice();
        let grant = f.root(Action::MetadataManage, Some("alice"));
        let set =
            |app, key, value: &str| f.service.set_setting(&grant, &alice, (app, key), value, false);
        assert_eq!(fields_of(set("", "a\u{202e}", "a\nb")), ["app", "key", "value"]);
        let large = "x".repeat(4096);
        for key in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]
        {
            set("app", key, &large).unwrap();
        }
        assert_eq!(fields_of(set("app", "16", &large)), ["value"]);
        let profile = |key, value: &str| f.service.set_profile(&grant, &alice, key, value, false);
        assert_eq!(fields_of(profile("email", "a@b")), ["key"]);
        assert_eq!(fields_of(profile("role", "a\u{1b}[2J")), ["value"]);
        assert_eq!(fields_of(f.service.delete_profile(&grant, &alice, "email")), ["key"]);
    }

    #[test]
    fn listeners_hear_of_a_change_and_lookups_are_left_alone() {
        let (f, alice) = with_alice();
        let mut events = f.service.subscribe();
        let grant = f.root(Action::MetadataManage, Some("alice"));
        let before = f.service.read(|db| Ok(db.generation()?)).unwrap();
        f.service.set_profile(&grant, &alice, "role", "x", false).unwrap();
        assert_eq!(events.try_recv().unwrap().of, super::super::Of::User(3000));
        assert_eq!(f.service.read(|db| Ok(db.generation()?)).unwrap(), before);
        f.service.set_profile(&grant, &alice, "role", "x", false).unwrap();
        assert!(events.try_recv().is_err(), "the same again is no change");
    }
}
