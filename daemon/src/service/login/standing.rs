//! May the user in at this time, and is the password's change due? Decided from the record alone,
//! however the user has proved who they are: this is where a locked user with a key, or with a
//! crontab, stops.

use auth_protocol::{Code, Step, Style};

use super::super::Error;
use super::{Account, Login, verdict, with_message};
use crate::store::{PasswordRow, UserRow};

const DAY: i64 = 24 * 60 * 60;

/// Whether the account may be used at all at `now`: neither locked, nor disabled, nor expired.
pub(in crate::service) fn is_good(user: &UserRow, now: i64) -> bool {
    user.enabled && !user.locked && user.expires_at.is_none_or(|at| now < at)
}

/// Whether the password need not be changed first: where nobody can be led through that.
pub(in crate::service) fn is_current(
    user: &UserRow,
    password: Option<&PasswordRow>,
    now: i64,
) -> bool {
    matches!(age(user, password, now), Age::Fine | Age::DueIn(_))
}

/// What the age of a password means, as shadow(5) defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Age {
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
pub(in crate::service) fn age(user: &UserRow, password: Option<&PasswordRow>, now: i64) -> Age {
    let Some(password) = password.filter(|_| !user.password_disabled) else { return Age::Fine };
    let forced = if password.must_change { Age::Due } else { Age::Fine };
    let Some(max) = user.password_max_age else { return forced };
    let (changed, today) = days(password, now);
    let last_day = changed + i64::from(max);
    let inactive = user.password_inactive.map(i64::from);
    if inactive.is_some_and(|days| today > last_day + days) {
        // Also one that must be changed anyway: what root once set is not good for ever.
        return Age::Expired;
    }
    if password.must_change || today > last_day {
        return Age::Due;
    }
    let warn = user.password_warn.map_or(0, i64::from);
    if last_day - today < warn { Age::DueIn(last_day - today) } else { Age::Fine }
}

/// The days of a password's last change and of today. A change that lies ahead, because the clock
/// was set back since, counts as one of today.
fn days(password: &PasswordRow, now: i64) -> (i64, i64) {
    let today = now.div_euclid(DAY);
    (password.changed_at.div_euclid(DAY).min(today), today)
}

/// How many days the user itself still has to wait with a change. One that is due is never too
/// early.
pub(in crate::service) fn days_to_wait(
    user: &UserRow,
    password: Option<&PasswordRow>,
    now: i64,
) -> i64 {
    let (Some(password), Some(min)) = (password, user.password_min_age) else { return 0 };
    if matches!(age(user, Some(password), now), Age::Due) {
        return 0;
    }
    let (changed, today) = days(password, now);
    (changed + i64::from(min) - today).max(0)
}

/// What a password is that its user may not change yet.
pub(in crate::service) fn too_young(days: i64) -> String {
    let when = if days == 1 { "tomorrow".to_owned() } else { format!("in {days} days") };
    format!("was changed lately: you can change it {when}, an administrator can at once")
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
