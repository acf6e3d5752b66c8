//! Disabling and enabling: a disabled account is locked, its sessions end, and sudo lets it run
//! nothing.

use accounts::Subject;
use serde_json::json;

use super::administrators::need;
use super::change::EventKind;
use super::{Error, Service, caller};
use crate::authorize::{Action, Grant};
use crate::publish::effect::Effect;

impl Service {
    /// Disables a user: nothing gets in any more, what is running ends at once, and so do its tokens.
    ///
    /// # Errors
    /// When it is disabled already, or the last administrator. [`Error::HostEffect`] when processes
    /// could not be ended: the account is disabled all the same.
    pub fn disable_user(&self, grant: &Grant, subject: &Subject) -> Result<(), Error> {
        self.set_enabled(grant, subject, false)
    }

    /// Enables a user. A lock of its own stays.
    ///
    /// # Errors
    /// When it is enabled already.
    pub fn enable_user(&self, grant: &Grant, subject: &Subject) -> Result<(), Error> {
        self.set_enabled(grant, subject, true)
    }

    fn set_enabled(&self, grant: &Grant, subject: &Subject, enabled: bool) -> Result<(), Error> {
        self.change(grant.actor(), |change| {
            let mut user = caller::find(change.db, subject)?;
            need(grant, Action::UserEnable, Some(user.id))?;
            let (verb, state) =
                if enabled { ("user-enable", "enabled") } else { ("user-disable", "disabled") };
            if user.enabled == enabled {
                return Err(Error::AlreadyInState(format!("{} is {state} already", user.name)));
            }
            user.enabled = enabled;
            user.updated_at = change.now;
            user.generation += 1;
            change.db.update_user(&user)?;
            self.sudoers_of_locked(change, &user)?;
            Self::owe_samba(change, &user);
            if !enabled {
                change.db.delete_every_token(user.id)?;
                change.owe(Effect::EndSessions { uid: user.uid });
            }
            change.audit(verb, user.name.as_str(), &user.id.to_string(), &json!({}))?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::super::NewPassword;
    use super::super::testing::{Fixture, map, secret, subject};
    use super::*;

    /// A number that nobody has on the machine that runs the tests: its processes are ended.
    const NOBODYS: u32 = 1_987_654_321;

    fn disable(f: &Fixture, name: &str) -> Result<(), Error> {
        f.service.disable_user(&f.root(Action::UserEnable, Some(name)), &subject(name))
    }

    fn enable(f: &Fixture, name: &str) -> Result<(), Error> {
        f.service.enable_user(&f.root(Action::UserEnable, Some(name)), &subject(name))
    }

    #[test]
    fn a_disabled_user_loses_sudo_until_enabled() {
        let f = Fixture::new();
        f.create(json!({"name": "alice", "uid": NOBODYS, "sudo_commands": ["ALL"]})).unwrap();
        assert!(f.sudoers().contains("#1987654321"));
        disable(&f, "alice").unwrap();
        assert!(!f.service.user(&subject("alice")).unwrap().enabled);
        assert!(!f.sudoers().contains("#1987654321"), "{}", f.sudoers());
        assert!(!f.service.caller(NOBODYS).unwrap().account.unwrap().active);
        enable(&f, "alice").unwrap();
        assert!(f.sudoers().contains("#1987654321"));
    }

    #[test]
    fn the_same_state_again_is_refused() {
        let f = Fixture::new();
        f.create(json!({"name": "alice", "uid": NOBODYS})).unwrap();
        assert!(matches!(enable(&f, "alice"), Err(Error::AlreadyInState(_))));
        disable(&f, "alice").unwrap();
        assert!(matches!(disable(&f, "alice"), Err(Error::AlreadyInState(_))));
    }

    #[test]
    fn a_lock_outlasts_being_disabled() {
        let f = Fixture::new();
        f.create(json!({"name": "alice", "uid": NOBODYS, "locked": true})).unwrap();
        disable(&f, "alice").unwrap();
        enable(&f, "alice").unwrap();
        let alice = f.service.user(&subject("alice")).unwrap();
        assert!(alice.enabled && alice.locked);
    }

    #[test]
    fn the_last_administrator_cannot_be_disabled() {
        let f = Fixture::new();
        let admin = |name| {
            let password = NewPassword::Given(secret("seven violet herons"));
            let uid = NOBODYS + u32::from(name == "bob");
            f.create_with(json!({"name": name, "uid": uid, "role": "admin"}), password).unwrap();
        };
        admin("alice");
        assert!(matches!(disable(&f, "alice"), Err(Error::LastAdministrator)));
        assert!(f.service.user(&subject("alice")).unwrap().enabled);
        admin("bob");
        disable(&f, "alice").unwrap();
        assert!(matches!(disable(&f, "bob"), Err(Error::LastAdministrator)));
    }

    #[test]
    fn processes_of_a_disabled_user_end() {
        let f = Fixture::new();
        f.see_processes();
        f.create(json!({"name": "alice", "uid": NOBODYS})).unwrap();
        let mut sleeper = {
            use std::os::unix::process::CommandExt;
            std::process::Command::new("sleep").arg("600").uid(NOBODYS).spawn().unwrap()
        };
        disable(&f, "alice").unwrap();
        assert!(!sleeper.wait().unwrap().success());
    }

    #[test]
    fn a_grant_for_something_else_is_none() {
        let f = Fixture::new();
        f.create(json!({"name": "alice", "uid": NOBODYS})).unwrap();
        let lock = f.root(Action::UserLock, Some("alice"));
        assert!(matches!(
            f.service.disable_user(&lock, &subject("alice")),
            Err(Error::NotAuthorized(_))
        ));
        let update = f.root(Action::UserUpdate, Some("alice"));
        let through = f.service.update_user(
            &update,
            &subject("alice"),
            &map(json!({"enabled": false})),
            None,
        );
        assert!(matches!(through, Err(Error::InvalidField(_))), "{through:?}");
    }
}
