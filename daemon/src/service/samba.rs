//! Users whom Samba knows too. Roster keeps no hash of Samba's kind: each new password is handed to
//! Samba's own program while it is at hand, and an entry whose password is unknown is taken away.

use accounts::{Code, FieldErrors, UserId};
use serde_json::json;

use super::change::{Change, EventKind};
use super::{Error, Service};
use crate::authorize::Actor;
use crate::publish::effect::Effect;
use crate::publish::samba::SambaEntry;
use crate::secret::Secret;
use crate::store::{UserKey, UserRow};

impl Service {
    /// Refuses `smb` where there is no Samba, or no password to hand to it.
    pub(super) fn check_smb(&self, with_password: bool, errors: &mut FieldErrors) {
        if !self.host.has_samba() {
            let message = "Samba's smbpasswd is not installed: install samba-common-bin, or \
                leave smb off";
            errors.add("smb", Code::Unsupported, message);
        }
        if !with_password {
            let message = "give a password in the same call: Samba keeps a hash of its own";
            errors.add("smb", Code::Required, message);
        }
    }

    /// Samba's entry is to follow the account's state.
    pub(super) fn owe_samba(change: &mut Change<'_>, user: &UserRow) {
        if user.smb {
            let open = !user.locked && user.enabled;
            let entry = if open { SambaEntry::Enabled } else { SambaEntry::Disabled };
            change.owe(Effect::Samba { name: user.name.to_string(), entry });
        }
    }

    /// Samba is to forget the account.
    pub(super) fn leave_samba(change: &mut Change<'_>, user: &mut UserRow) {
        if std::mem::take(&mut user.smb) {
            let (name, entry) = (user.name.to_string(), SambaEntry::Removed);
            change.owe(Effect::Samba { name, entry });
        }
    }

    /// Takes entries out of Samba's store before a change is committed: once the system no longer
    /// knows a name, Samba finds no entry of it either. Doing it again afterwards is harmless.
    ///
    /// # Errors
    /// When the account `goes` and Samba keeps its entry, which would be there for whoever gets the
    /// name next. Of an account that stays, the removal is still owed then.
    pub(super) fn forget_at_samba<'a>(
        &self,
        effects: impl Iterator<Item = &'a Effect>,
        goes: bool,
    ) -> Result<(), Error> {
        for effect in effects {
            let removal = matches!(effect, Effect::Samba { entry: SambaEntry::Removed, .. });
            if removal
                && let Err(error) = self.host.carry_out(effect)
                && goes
            {
                return Err(Error::HostEffect(format!(
                    "Samba does not forget the account, and nothing was changed: {error}"
                )));
            }
        }
        Ok(())
    }

    /// Hands a password that was just set to Samba, if the account is one of Samba's.
    ///
    /// # Errors
    /// [`Error::HostEffect`] when Samba refuses it: the password is set, and `smb` is off then, so
    /// that no earlier password stays in force there.
    pub(super) fn hand_to_samba(
        &self,
        actor: &Actor,
        id: UserId,
        password: &Secret,
    ) -> Result<(), Error> {
        let order = self.effects.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(user) = self.read(|db| Ok(db.user(UserKey::Id(id))?))?.filter(|user| user.smb)
        else {
            return Ok(());
        };
        let name = user.name.as_str();
        let handed = self.host.set_samba_password(name, password.as_bytes());
        let followed = handed.and_then(|()| {
            let open = !user.locked && user.enabled;
            let entry = if open { SambaEntry::Enabled } else { SambaEntry::Disabled };
            self.host.carry_out(&Effect::Samba { name: name.to_owned(), entry })
        });
        drop(order);
        let Err(error) = followed else { return Ok(()) };
        self.change(actor, |change| {
            let Some(mut user) = change.db.user(UserKey::Id(id))? else { return Ok(()) };
            Self::leave_samba(change, &mut user);
            user.updated_at = change.now;
            user.generation += 1;
            change.db.update_user(&user)?;
            let shown = json!({ "smb": { "from": true, "to": false } });
            change.audit("samba-refused", user.name.as_str(), &id.to_string(), &shown)?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
            Ok(())
        })?;
        Err(Error::HostEffect(format!(
            "the password is set, but Samba refused it ({error}): smb is off now; turn it on again \
             with a password once Samba works"
        )))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use serde_json::{Value, json};

    use super::super::testing::{Fixture, fields_of, map, secret, subject};
    use super::super::{DeleteOptions, NewPassword};
    use super::*;
    use crate::authorize::Action;

    const NINE: &str = "nine amber otters";

    /// A service with a Samba that writes down how it is called, and refuses when told so.
    fn fixture() -> Fixture {
        let f = Fixture::new();
        let log = f.path("samba.log").display().to_string();
        let refuse = f.path("samba.refuses").display().to_string();
        let script = format!("#!/bin/sh\necho \"$@\" >>{log}\ncat >>{log}\n! [ -e {refuse} ]\n");
        let program = f.path("smbpasswd");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        f
    }

    fn said(f: &Fixture) -> String {
        let said = std::fs::read_to_string(f.path("samba.log")).unwrap_or_default();
        std::fs::write(f.path("samba.log"), "").unwrap();
        said
    }

    fn given(password: &str) -> NewPassword {
        NewPassword::Given(secret(password))
    }

    fn update(f: &Fixture, fields: Value, password: Option<&str>) -> Result<(), Error> {
        let (alice, fields) = (subject("alice"), map(fields));
        let set = f.root(Action::PasswordSet, Some("alice"));
        let grant = f.root(Action::UserUpdate, Some("alice")).and(set);
        let password = password.map_or(NewPassword::None, given);
        f.service.update_user_with(&grant, &alice, &fields, None, password).map(drop)
    }

    #[test]
    fn samba_hears_each_new_password_and_each_change_of_state() {
        let f = fixture();
        f.create_with(json!({"name": "alice", "smb": true}), given(NINE)).unwrap();
        assert_eq!(said(&f), format!("-L -s -a alice\n{NINE}\n{NINE}\n-L -e alice\n"));
        assert!(f.service.user(&subject("alice")).unwrap().smb);

        let alice = subject("alice");
        let set = f.root(Action::PasswordSet, Some("alice"));
        f.service.set_password(&set, &alice, given("eleven herons"), false).unwrap();
        assert!(said(&f).starts_with("-L -s -a alice\neleven herons\n"));
        let own = f.grant(3000, Action::PasswordChangeOwn, Some("alice"));
        f.service.change_own_password(&own, &secret("eleven herons"), &secret(NINE)).unwrap();
        assert!(said(&f).starts_with(&format!("-L -s -a alice\n{NINE}\n")));

        f.service.lock_user(&f.root(Action::UserLock, Some("alice")), &alice).unwrap();
        assert_eq!(said(&f), "-L -d alice\n");
        f.service.unlock_user(&f.root(Action::UserUnlock, Some("alice")), &alice).unwrap();
        assert_eq!(said(&f), "-L -e alice\n");
        update(&f, json!({"locked": true}), None).unwrap();
        assert_eq!(said(&f), "-L -d alice\n");

        f.service.clear_password(&set, &alice).unwrap();
        assert_eq!(said(&f), "-L -x alice\n-L -x alice\n");
        assert!(!f.service.user(&alice).unwrap().smb);
    }

    #[test]
    fn turning_it_on_takes_a_password_and_turning_it_off_removes_the_entry() {
        let f = fixture();
        f.create_with(json!({"name": "alice"}), given(NINE)).unwrap();
        assert_eq!(said(&f), "", "Samba is none of its business");
        assert_eq!(fields_of(update(&f, json!({"smb": true}), None)), ["smb"]);
        update(&f, json!({"smb": true}), Some("eleven herons")).unwrap();
        assert!(said(&f).starts_with("-L -s -a alice\neleven herons\n"));
        // It is one change: the password is the account's too.
        let own = f.grant(3000, Action::PasswordChangeOwn, Some("alice"));
        f.service.change_own_password(&own, &secret("eleven herons"), &secret(NINE)).unwrap();
        said(&f);
        assert_eq!(fields_of(update(&f, json!({"name": "bob"}), None)), ["name"]);
        update(&f, json!({"smb": false, "name": "alice2"}), None).unwrap();
        assert_eq!(said(&f), "-L -x alice\n-L -x alice\n");
    }

    #[test]
    fn a_deleted_account_is_none_of_sambas() {
        let f = fixture();
        let fields = json!({"name": "alice", "uid": 1_987_654_320, "smb": true});
        f.create_with(fields, given(NINE)).unwrap();
        said(&f);
        let delete = || {
            let grant = f.root(Action::UserDelete, Some("alice"));
            f.service.delete_user(&grant, &subject("alice"), DeleteOptions::default())
        };
        // Its entry would be there for the next one of that name.
        std::fs::write(f.path("samba.refuses"), "").unwrap();
        let refused = delete();
        assert!(matches!(refused, Err(Error::HostEffect(_))), "{refused:?}");
        assert!(f.service.user(&subject("alice")).unwrap().smb);
        std::fs::remove_file(f.path("samba.refuses")).unwrap();
        said(&f);
        delete().unwrap();
        assert_eq!(said(&f), "-L -x alice\n-L -x alice\n", "once before the name is gone");
    }

    #[test]
    fn without_a_password_or_without_samba_nothing_is_made() {
        let f = fixture();
        assert_eq!(fields_of(f.create(json!({"name": "alice", "smb": true}))), ["smb"]);
        std::fs::remove_file(f.path("smbpasswd")).unwrap();
        let error = f.create_with(json!({"name": "alice", "smb": true}), given(NINE));
        assert!(error.as_ref().unwrap_err().to_string().contains("samba-common-bin"));
        assert_eq!(fields_of(error), ["smb"]);
        assert!(f.service.user(&subject("alice")).is_err());
    }

    #[test]
    fn when_samba_refuses_the_password_it_is_off() {
        let f = fixture();
        f.create_with(json!({"name": "alice", "smb": true}), given(NINE)).unwrap();
        said(&f);
        std::fs::write(f.path("samba.refuses"), "").unwrap();
        let set = f.root(Action::PasswordSet, Some("alice"));
        let refused =
            f.service.set_password(&set, &subject("alice"), given("eleven herons"), false);
        assert!(matches!(refused, Err(Error::HostEffect(_))), "{refused:?}");
        assert!(!f.service.user(&subject("alice")).unwrap().smb);
        assert!(said(&f).ends_with("-L -x alice\n"));
        // What could not be removed is still owed.
        std::fs::remove_file(f.path("samba.refuses")).unwrap();
        f.service.replay_outbox().unwrap();
        assert_eq!(said(&f), "-L -x alice\n");
    }
}
