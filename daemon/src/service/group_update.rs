//! Changing a group: its name, what people call it, its members and its rules. The number stays.

use accounts::{Code, FieldErrors, Group, GroupFields, Subject};
use serde_json::{Map, Value, json};

use super::administrators::need;
use super::change::EventKind;
use super::{Error, Service, groups, record};
use crate::authorize::{Action, Grant};
use crate::store::UserKey;

impl Service {
    /// Changes the given fields of a group; lists are replaced as a whole.
    ///
    /// # Errors
    /// Every field that is wrong, nothing is written then; when the group is Roster's own.
    pub fn update_group(
        &self,
        grant: &Grant,
        subject: &Subject,
        fields: &Map<String, Value>,
    ) -> Result<Group, Error> {
        need(grant, Action::GroupManage, None)?;
        let parsed = GroupFields::parse(fields)?;
        let host = self.local_accounts()?;
        self.change(grant.actor(), |change| {
            let mut group = groups::find(change.db, subject)?;
            if group.builtin {
                return Err(Error::Immutable(format!("the group {} is Roster's own", group.name)));
            }
            let before = group.name.clone();
            let mut errors = FieldErrors::default();
            if parsed.gid.is_some_and(|gid| gid.get() != group.gid) {
                errors.add("gid", Code::Immutable, "a gid never changes");
            }
            if let Some(name) = parsed.name.clone().filter(|name| *name != before) {
                // A user's own group is renamed with, or after, the user.
                let of_that_user = change
                    .db
                    .user(UserKey::Name(name.as_str()))?
                    .is_some_and(|user| user.gid != group.gid);
                let taken = of_that_user
                    || change.db.group_by_name(name.as_str())?.is_some()
                    || host.knows_group(name.as_str());
                if taken {
                    errors.add("name", Code::InUse, format!("the name {name} is taken"));
                } else {
                    let powerful = |name: &str| self.gives_root(name, group.gid);
                    // Rules of sudo speak of the number: they stay what they are.
                    if powerful(before.as_str()) || powerful(name.as_str()) {
                        self.need_sudo_right(grant, None, "renaming a group that gives root")?;
                    }
                    group.name = name;
                }
            }
            match errors.0.as_slice() {
                [] => {}
                [only] if only.code == Code::InUse => return Err(Error::GroupExists(errors)),
                _ => return Err(errors.into()),
            }
            if let Some(display_name) = &parsed.display_name {
                group.display_name = display_name.as_str().to_owned();
            }
            group.updated_at = change.now;
            group.generation += 1;
            change.db.update_group(&group)?;
            self.apply_group_lists(grant, change, &host, &group, &parsed)?;
            change.announce_group(EventKind::Changed, group.gid, group.name.as_str());
            let id = group.id.to_string();
            change.audit("group-update", group.name.as_str(), &id, &json!({}))?;
            record::group(change.db, group)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::testing::{Fixture, fields_of, map, subject};
    use super::*;

    fn create(f: &Fixture, name: &str) -> Group {
        let grant = f.root(Action::GroupManage, None);
        f.service.create_group(&grant, &map(json!({ "name": name }))).unwrap()
    }

    fn update(f: &Fixture, name: &str, fields: Value) -> Result<Group, Error> {
        let grant = f.root(Action::GroupManage, None);
        f.service.update_group(&grant, &subject(name), &map(fields))
    }

    #[test]
    fn a_renamed_group_keeps_number_and_members() {
        let f = Fixture::new();
        let dev = create(&f, "dev");
        f.create(json!({"name": "alice", "groups": ["dev"]})).unwrap();
        let renamed = json!({"name": "eng", "display_name": "Engineers"});
        let eng = update(&f, "dev", renamed).unwrap();
        assert_eq!((eng.id, eng.gid), (dev.id, dev.gid));
        assert_eq!((eng.display_name.as_str(), eng.members.len()), ("Engineers", 1));
        assert_eq!(f.service.user(&subject("alice")).unwrap().groups, ["eng"]);
        assert!(matches!(f.service.group(&subject("dev")), Err(Error::NoSuchGroup(_))));
        let same = update(&f, "eng", json!({"name": "eng", "display_name": ""})).unwrap();
        assert_eq!(same.display_name, "");
    }

    #[test]
    fn taken_names_and_other_numbers_are_refused() {
        let f = Fixture::new();
        create(&f, "dev");
        create(&f, "ops");
        f.create(json!({"name": "alice"})).unwrap();
        for taken in ["ops", "docker", "alice", "roster-users"] {
            let error = update(&f, "dev", json!({ "name": taken })).unwrap_err();
            assert!(matches!(error, Error::GroupExists(_)), "{taken}: {error:?}");
        }
        assert_eq!(fields_of(update(&f, "dev", json!({"gid": 4000}))), ["gid"]);
        assert_eq!(
            fields_of(update(&f, "dev", json!({"name": "ALL", "nonsense": 1}))),
            ["name", "nonsense"]
        );
        assert!(matches!(update(&f, "nobody", json!({})), Err(Error::NoSuchGroup(_))));
        assert_eq!(f.service.group(&subject("dev")).unwrap().display_name, "");
    }

    #[test]
    fn a_name_that_gives_root_needs_the_right_to_give_it() {
        let f = Fixture::new();
        create(&f, "dev");
        assert!(f.service.config().accounts.root_groups.iter().any(|name| name == "wheel"));
        let caller = crate::authorize::Caller { uid: 1000, account: None };
        let crate::authorize::Decision::AskPolkit(pending) =
            crate::authorize::decide(&caller, Action::GroupManage, None)
        else {
            panic!("decided without polkit")
        };
        let grant = pending.granted();
        let fields = map(json!({"name": "wheel"}));
        let refused = f.service.update_group(&grant, &subject("dev"), &fields);
        assert!(matches!(refused, Err(Error::NotAuthorized(_))), "{refused:?}");
        let harmless = map(json!({"name": "eng"}));
        f.service.update_group(&grant, &subject("dev"), &harmless).unwrap();
    }
}
