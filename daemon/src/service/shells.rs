//! Which login shells there are to choose from.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use accounts::{Code, FieldErrors, ShellPath, Subject, UserId};

use super::fields::Joined;
use super::local_accounts::LocalAccounts;
use super::{Error, Service, caller};
use crate::store::Db;

/// Path → name.
type Shells = BTreeMap<String, String>;

impl Service {
    /// The login shells that everybody may have: `nologin`, and every executable entry of shells(5).
    #[must_use]
    pub fn shells(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(&self.config.places.shells).unwrap_or_default();
        let listed = text.lines().map(str::trim).filter(|line| line.starts_with('/'));
        choices(["/usr/sbin/nologin", "/sbin/nologin"].into_iter().chain(listed))
    }

    /// The login shells that this user may have: also those that `group_shells` in the
    /// configuration gives to its groups.
    ///
    /// # Errors
    /// When there is no such user, or the store cannot be read.
    pub fn shells_of(&self, subject: &Subject) -> Result<BTreeMap<String, String>, Error> {
        let host = self.local_accounts()?;
        let groups = self.read(|db| {
            let user = caller::find(db, subject)?;
            self.group_names(db, &host, user.id, user.gid)
        })?;
        Ok(self.shells_with(groups.iter().map(String::as_str)))
    }

    /// Refuses a shell that is no choice for a member of these groups.
    pub(super) fn check_shell<'a>(
        &self,
        host: &LocalAccounts,
        shell: &ShellPath,
        groups: impl IntoIterator<Item = &'a str>,
        errors: &mut FieldErrors,
    ) {
        let everybodys = host.shells.get_or_init(|| self.shells());
        if everybodys.contains_key(shell.as_str()) {
            return;
        }
        let shells = self.with_groups(everybodys.clone(), groups);
        if !shells.contains_key(shell.as_str()) {
            let choices = shells.into_keys().collect::<Vec<_>>().join(", ");
            errors.add("shell", Code::NotFound, format!("is none of the choices: {choices}"));
        }
    }

    /// The names of the groups that a user is in, the primary one and these (`None`: those it is
    /// in now).
    pub(super) fn names_of_groups(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        (id, gid): (UserId, u32),
        groups: Option<&[Joined]>,
    ) -> Result<Vec<String>, Error> {
        let Some(groups) = groups else { return self.group_names(db, host, id, gid) };
        let mut names = vec![self.primary_name(db, host, gid)?];
        names.extend(groups.iter().map(|group| group.name_and_gid().0.to_owned()));
        Ok(names)
    }

    fn group_names(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        id: UserId,
        gid: u32,
    ) -> Result<Vec<String>, Error> {
        let mut names = db.groups_of(id)?;
        names.push(self.primary_name(db, host, gid)?);
        Ok(names)
    }

    /// The name of a group of ours or the host's; empty when there is none such.
    pub(super) fn primary_name(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        gid: u32,
    ) -> Result<String, Error> {
        if let Some(group) = db.group_by_gid(gid)? {
            return Ok(group.name.to_string());
        }
        Ok(host.group_by_gid(gid).map(|group| group.name.clone()).unwrap_or_default())
    }

    pub(super) fn shells_with<'a>(&self, groups: impl IntoIterator<Item = &'a str>) -> Shells {
        self.with_groups(self.shells(), groups)
    }

    fn with_groups<'a>(
        &self,
        mut shells: Shells,
        groups: impl IntoIterator<Item = &'a str>,
    ) -> Shells {
        let added = &self.config.accounts.group_shells;
        for group in groups {
            shells.extend(choices(added.get(group).into_iter().flatten().map(String::as_str)));
        }
        shells
    }
}

/// Those of the paths that can be run, with their names.
fn choices<'a>(paths: impl Iterator<Item = &'a str>) -> Shells {
    let executable = |path: &&str| {
        std::fs::metadata(Path::new(path))
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    let base_name = |path: &str| path.rsplit('/').next().unwrap_or("").to_owned();
    paths
        .filter(executable)
        .filter(|path| ShellPath::parse(path).is_ok())
        .map(|path| (path.to_owned(), base_name(path)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::super::testing::{Fixture, fields_of, map, subject};
    use super::*;
    use crate::authorize::Action;

    #[test]
    fn a_group_adds_its_shells_for_its_members_alone() {
        let fixture = Fixture::with(|config| {
            let shells = ["/usr/bin/env", "/nonexistent/shell", "relative"].map(str::to_owned);
            config.accounts.group_shells.insert("ops".to_owned(), shells.to_vec());
        });
        let service = &fixture.service;
        let manage = fixture.root(Action::GroupManage, None);
        service.create_group(&manage, &map(json!({ "name": "ops" }))).unwrap();
        fixture.create(json!({ "name": "alice" })).unwrap();
        let alice = subject("alice");
        assert_eq!(service.shells_of(&alice).unwrap(), service.shells());
        assert_eq!(service.shells().get("/usr/bin/env"), None);
        let update = |fields| {
            let grant = fixture.root(Action::UserUpdate, Some("alice"));
            service.update_user(&grant, &alice, &map(fields), None)
        };
        assert_eq!(fields_of(update(json!({ "shell": "/usr/bin/env" }))), ["shell"]);
        update(json!({ "shell": "/usr/bin/env", "groups": ["ops"] })).unwrap();
        let shells = service.shells_of(&alice).unwrap();
        assert_eq!(shells.get("/usr/bin/env").map(String::as_str), Some("env"));
        assert_eq!(shells.len(), service.shells().len() + 1, "what can be run, and no more");
        let shell = json!({ "name": "bob", "shell": "/usr/bin/env" });
        assert_eq!(fields_of(fixture.create(shell)), ["shell"]);
        let member = json!({ "name": "bob", "group": "ops", "shell": "/usr/bin/env" });
        fixture.create(member).unwrap();
        let unknown = service.shells_of(&subject("carol"));
        assert!(matches!(unknown, Err(Error::NoSuchUser(_))));
    }
}
