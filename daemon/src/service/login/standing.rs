//! May the user in at this time, and is the password's change due? Decided from the record alone,
//! however the user has proved who they are: this is where a locked user with a key, or with a
//! crontab, stops.

use auth_protocol::{Code, Step, Style};

use super::super::Error;
use super::{Account, Login, verdict, with_message};
use crate::store::{PasswordRow, UserRow};

const DAY: i64 = 24 * 60 * 60;

/// Whether the account may be used at all at `now`: neither locked, nor disabled, nor expired.
pub(super) fn is_good(user: &UserRow, now: i64) -> bool {
    user.enabled && !user.locked && user.expires_at.is_none_or(|at| now < at)
}

/// What the age of a password means, as shadow(5) defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// Nothing.
    Fine,
    /// It is due in so many days, and the user is to be told.
    DueIn(i64),
    /// It must be changed now.
    Due,
    /// It was due for so long that it is not taken any more.
    Expired,
}

/// The age of a password at `now`.
pub(super) fn age(user: &UserRow, password: Option<&PasswordRow>, now: i64) -> Age {
    let Some(password) = password.filter(|_| !user.password_disabled) else { return Age::Fine };
    if password.must_change {
        return Age::Due;
    }
    let Some(max) = user.password_max_age else { return Age::Fine };
    let today = now.div_euclid(DAY);
    let last_day = password.changed_at.div_euclid(DAY) + i64::from(max);
    let inactive = user.password_inactive.map(i64::from);
    if inactive.is_some_and(|days| today > last_day + days) {
        return Age::Expired;
    }
    if today > last_day {
        return Age::Due;
    }
    let warn = user.password_warn.map_or(0, i64::from);
    if last_day - today < warn { Age::DueIn(last_day - today) } else { Age::Fine }
}

impl Login {
    pub(super) fn judge_standing(&self) -> Result<Step, Error> {
        let account = self.account()?;
        let without = self.came_without(&account)?;
        let Account { user, password, .. } = account;
        let now = self.service.now();
        if user.locked || !user.enabled {
            return Ok(self.refuse(Code::PermissionDenied, "locked or disabled"));
        }
        if !is_good(&user, now) {
            return Ok(self.refuse(Code::AccountExpired, "expired"));
        }
        if without {
            return Ok(self.refuse_unmet());
        }
        Ok(match age(&user, password.as_ref(), now) {
            Age::Fine => verdict(Code::Success),
            Age::DueIn(days) => {
                let text = match days {
                    0 => "Your password expires today.".to_owned(),
                    1 => "Your password expires tomorrow.".to_owned(),
                    _ => format!("Your password expires in {days} days."),
                };
                with_message(verdict(Code::Success), Style::Info, text)
            }
            Age::Due => {
                let step = self.refuse(Code::NewPasswordRequired, "the password must be changed");
                with_message(step, Style::Info, "Your password must be changed now.")
            }
            Age::Expired => self.refuse(Code::PasswordExpired, "the password expired"),
        })
    }
}
