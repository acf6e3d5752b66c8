//! The first administrator: whether there is one, and making it, once.

use accounts::{Code, User};
use serde_json::json;

use super::create::Terms;
use super::{Error, NewPassword, Service};
use crate::authorize::{Action, Grant};
use crate::secret::Secret;
use crate::store::Db;

impl Service {
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
