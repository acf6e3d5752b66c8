//! A home directory at the first login.

use accounts::UserId;

use super::{Error, Service};
use crate::publish::effect::Effect;
use crate::store::UserKey;

impl Service {
    /// Makes the user's home directory when it is missing and the configuration says so; whether
    /// it was made.
    ///
    /// # Errors
    /// [`Error::HomeDirectory`] when it cannot be made.
    pub fn ensure_home(&self, id: UserId) -> Result<bool, Error> {
        let Some(user) = self.read(|db| Ok(db.user(UserKey::Id(id))?))? else {
            return Err(Error::NoSuchUser(format!("id {id}")));
        };
        let missing = std::fs::symlink_metadata(user.home.as_str())
            .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        if !missing || user.home.is_none() || !self.config.homes.create_at_login {
            return Ok(false);
        }
        let effect = Effect::CreateHome {
            path: user.home.as_str().to_owned(),
            uid: user.uid,
            gid: user.gid,
            mode: user.home_mode.bits(),
            adopt: false,
        };
        let _order = self.effects.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.host.carry_out(&effect).map_err(|error| Error::HomeDirectory(error.to_string()))?;
        Ok(true)
    }
}
