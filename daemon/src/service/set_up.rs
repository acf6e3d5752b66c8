//! The first administrator: whether there is one, and making it, once.

use std::io::{ErrorKind, Read as _};
use std::path::Path;

use accounts::{Code, User};
use serde_json::json;
use zeroize::Zeroizing;

use super::create::Terms;
use super::{Error, NewPassword, Service};
use crate::authorize::{Action, Caller, Decision, Grant, decide};
use crate::secret::Secret;
use crate::store::Db;

/// The credential with the first administrator's password (systemd.exec(5), `LoadCredential=`).
const CREDENTIAL: &str = "admin-password";
/// Longer than any password and its line break.
const LONGEST: u64 = 4096;

impl Service {
    /// Sets up `admin` with the password that an unattended installation has left as a credential.
    /// Whether it did: not without the credential, and not when an administrator is set up already.
    ///
    /// # Errors
    /// When the credential cannot be read, or its password is refused.
    pub fn set_up_from_credential(&self, directory: &Path) -> Result<bool, Error> {
        let file = match std::fs::File::open(directory.join(CREDENTIAL)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(unreadable(&error)),
        };
        if self.is_administrator_set_up()? {
            return Ok(false);
        }
        // With its final size from the start: a vector that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize));
        file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let password = Secret::new(line.to_vec());
        let caller = Caller { uid: 0, account: None };
        let Decision::Allow(grant) = decide(&caller, Action::AdministratorSetUp, None) else {
            return Err(Error::NotAuthorized("the credential is for the first start".to_owned()));
        };
        self.set_up_administrator(&grant.via("daemon"), "admin", password)?;
        Ok(true)
    }

    /// Whether an administrator with a usable password, and not locked, exists.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_administrator_set_up(&self) -> Result<bool, Error> {
        let now = self.now();
        self.read(|db| Ok(db.has_administrator_with_password(now)?))
    }

    /// Creates the first administrator, `admin`, with a password.
    ///
    /// # Errors
    /// [`Error::AlreadyInState`] when there is one; when the name is another one; when the password
    /// is refused. Of several calls at a time one wins.
    pub fn set_up_administrator(
        &self,
        grant: &Grant,
        name: &str,
        password: Secret,
    ) -> Result<User, Error> {
        let now = self.now();
        self.read(|db| not_set_up(db, now))?;
        match name {
            "admin" => {}
            "root" => {
                let message = "root is an account of this host, not of Roster: give it a password \
                               with passwd(1), or set up admin";
                return Err(Error::field("name", Code::Unsupported, message));
            }
            _ => return Err(Error::field("name", Code::Invalid, "is neither admin nor root")),
        }
        let fields = json!({
            "name": name, "role": "admin", "full_name": "Local administrator", "home_create": true,
        });
        let fields = fields.as_object().cloned().unwrap_or_default();
        let terms = Terms {
            action: Action::AdministratorSetUp,
            verb: "admin-setup",
            allowed: &|db| not_set_up(db, now),
        };
        let created = self.create_on(&terms, grant, &fields, NewPassword::Given(password))?;
        Ok(created.user)
    }
}

fn unreadable(error: &std::io::Error) -> Error {
    Error::Unavailable(format!("the credential {CREDENTIAL}: {error}"))
}

fn not_set_up(db: Db<'_>, now: i64) -> Result<(), Error> {
    if db.has_administrator_with_password(now)? {
        return Err(Error::AlreadyInState("Local administrator is already set up.".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::testing::{Fixture, fields_of, secret, subject};
    use super::*;

    fn set_up(f: &Fixture, name: &str) -> Result<User, Error> {
        let grant = f.root(Action::AdministratorSetUp, None);
        f.service.set_up_administrator(&grant, name, secret("seven violet herons"))
    }

    #[test]
    fn the_first_administrator_is_set_up_once() {
        let f = Fixture::new();
        assert!(!f.service.is_administrator_set_up().unwrap());
        let admin = set_up(&f, "admin").unwrap();
        assert_eq!((admin.role, admin.password_disabled), (accounts::Role::Admin, false));
        assert!(f.path("home/admin/.profile").exists());
        assert!(f.service.is_administrator_set_up().unwrap());
        for name in ["admin", "root", "boss"] {
            let error = set_up(&f, name).unwrap_err();
            assert!(matches!(error, Error::AlreadyInState(_)));
            assert_eq!(error.to_string(), "Local administrator is already set up.");
        }
    }

    #[test]
    fn only_admin_is_set_up_and_root_is_told_why_not() {
        let f = Fixture::new();
        assert_eq!(fields_of(set_up(&f, "boss")), ["name"]);
        let root = set_up(&f, "root").unwrap_err();
        assert!(root.to_string().contains("passwd(1)"), "{root}");
        let grant = f.root(Action::AdministratorSetUp, None);
        let short = f.service.set_up_administrator(&grant, "admin", secret("x"));
        assert_eq!(fields_of(short), ["password"]);
        let other = f.root(Action::UserCreate, None);
        let refused =
            f.service.set_up_administrator(&other, "admin", secret("seven violet herons"));
        assert!(matches!(refused, Err(Error::NotAuthorized(_))));
        assert!(!f.service.is_administrator_set_up().unwrap());
    }

    #[test]
    fn an_administrator_who_cannot_get_in_by_password_is_none() {
        let f = Fixture::new();
        f.create(json!({"name": "keys", "role": "admin"})).unwrap();
        let password = || NewPassword::Given(secret("seven violet herons"));
        f.create_with(json!({"name": "locked", "role": "admin", "locked": true}), password())
            .unwrap();
        f.create_with(json!({"name": "plain"}), password()).unwrap();
        assert!(!f.service.is_administrator_set_up().unwrap());
        f.create_with(json!({"name": "boss", "role": "admin"}), password()).unwrap();
        assert!(f.service.is_administrator_set_up().unwrap());
        assert!(f.service.user(&subject("admin")).is_err());
    }

    #[test]
    fn a_credential_sets_up_the_first_administrator_and_no_other() {
        let f = Fixture::new();
        let (none, given) = (f.path("none"), f.path("given"));
        std::fs::create_dir(&given).unwrap();
        assert!(!f.service.set_up_from_credential(&none).unwrap());
        std::fs::write(given.join("admin-password"), "short\n").unwrap();
        assert_eq!(fields_of(f.service.set_up_from_credential(&given)), ["password"]);
        std::fs::write(given.join("admin-password"), "seven violet herons\n").unwrap();
        assert!(f.service.set_up_from_credential(&given).unwrap());
        let admin = f.service.user(&subject("admin")).unwrap();
        assert_eq!(admin.role, accounts::Role::Admin);
        let own = f.grant(admin.uid, Action::PasswordChangeOwn, Some("admin"));
        let (old, new) = (secret("seven violet herons"), secret("nine amber otters"));
        f.service.change_own_password(&own, &old, &new).unwrap();
        // The credential is still there at the next start, and nobody gets the old password back.
        assert!(!f.service.set_up_from_credential(&given).unwrap());
        let again = f.service.change_own_password(&own, &old, &new);
        assert!(matches!(again, Err(Error::WrongPassword)));
    }

    #[test]
    fn of_many_at_a_time_one_wins() {
        let f = Fixture::new();
        let grant = f.root(Action::AdministratorSetUp, None);
        let service = &f.service;
        let won = std::thread::scope(|scope| {
            let calls: Vec<_> = (0..8)
                .map(|n| {
                    let grant = grant.clone();
                    let password = secret(&format!("seven violet herons {n}"));
                    scope.spawn(move || service.set_up_administrator(&grant, "admin", password))
                })
                .collect();
            calls.into_iter().map(|call| call.join().unwrap()).filter(Result::is_ok).count()
        });
        assert_eq!(won, 1);
    }
}
