//! Who must have a second factor, and from when on: the policy as its verbs.

use accounts::{Code, FieldErrors, GroupRef, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::administrators::{OWN_GROUPS, need};
use super::local_accounts::LocalAccounts;
use super::{Error, Service};
use crate::authorize::{Action, Grant};
use crate::store::{Db, PolicyRow};

/// Groups that a policy may name, of each kind.
const MOST_GROUPS: usize = 256;
/// The farthest a deadline may be: ten years.
const FARTHEST: i64 = 10 * 366 * 86_400;

/// Who must have a second factor, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TwoFactorPolicy {
    /// Whether anybody must.
    pub enforced: bool,
    /// The groups whose members must; none: everybody.
    pub groups: Vec<String>,
    /// The groups whose members need not, whatever else they are in.
    pub excluded: Vec<String>,
    /// Until then nobody is refused.
    pub due_at: Option<Timestamp>,
}

/// When a second factor is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// At that time.
    At(Timestamp),
    /// In so many seconds.
    In(u64),
}

/// The policy that is wanted. Without enforcement the rest must be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "as in TwoFactorPolicy")]
pub struct WantedPolicy {
    pub enforced: bool,
    pub groups: Vec<String>,
    pub excluded: Vec<String>,
    /// None: at once.
    pub deadline: Option<Deadline>,
}

impl Service {
    /// The policy in force.
    ///
    /// # Errors
    /// When the store or the host's group file cannot be read.
    pub fn two_factor_policy(&self) -> Result<TwoFactorPolicy, Error> {
        let host = self.local_accounts()?;
        self.read(|db| shown(db, &host, &db.two_factor_policy()?))
    }

    /// Puts another policy in force, as a whole.
    ///
    /// # Errors
    /// Every group that there is not, a deadline in the past, [`Error::AlreadyInState`].
    pub fn set_two_factor_policy(
        &self,
        grant: &Grant,
        wanted: &WantedPolicy,
    ) -> Result<TwoFactorPolicy, Error> {
        need(grant, Action::TwoFactorEnforce, None)?;
        let host = self.local_accounts()?;
        let mut warnings = Vec::new();
        let set = self.change(grant.actor(), |change| {
            let db = change.db;
            let row = self.parse_policy(db, &host, wanted, change.now)?;
            let before = db.two_factor_policy()?;
            if before == row {
                return Err(Error::AlreadyInState("the policy is that already".to_owned()));
            }
            let (from, to) = (shown(db, &host, &before)?, shown(db, &host, &row)?);
            db.set_two_factor_policy(&row)?;
            if grant.rehearses() {
                warnings = self.enrolment_warnings(db, change.now)?;
            }
            let said = differences(&from, &to)?;
            for (field, entry) in &said {
                change.planned("policy", "two-factor", field, &entry["from"], &entry["to"]);
            }
            change.audit("two-factor-enforce", "", "", &Value::Object(said))?;
            change.publish();
            Ok(to)
        });
        set.map_err(|error| warnings.iter().fold(error, |error, warning| error.warning(warning)))
    }

    fn parse_policy(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        wanted: &WantedPolicy,
        now: i64,
    ) -> Result<PolicyRow, Error> {
        let WantedPolicy { enforced, groups, excluded, deadline } = wanted;
        let mut errors = FieldErrors::default();
        let nothing_else = groups.is_empty() && excluded.is_empty() && deadline.is_none();
        if !enforced && !nothing_else {
            let message = "is off: groups and deadlines belong to a policy that is on";
            errors.add("enforced", Code::Conflict, message);
        }
        let required = self.parse_groups(db, host, "groups", groups, &mut errors)?;
        let excluded = self.parse_groups(db, host, "excluded", excluded, &mut errors)?;
        if required.iter().any(|gid| excluded.contains(gid)) {
            errors.add("excluded", Code::Conflict, "names a group that must have one as well");
        }
        let due_at = deadline.map(|deadline| match deadline {
            Deadline::At(at) => at.0,
            Deadline::In(seconds) => now.saturating_add_unsigned(seconds),
        });
        if let Some(at) = due_at {
            let field = if matches!(deadline, Some(Deadline::In(_))) { "due_in" } else { "due_at" };
            if at <= now {
                errors.add(field, Code::Invalid, "is over: leave it out to enforce at once");
            } else if at > now.saturating_add(FARTHEST) {
                errors.add(field, Code::Invalid, "is more than ten years ahead");
            }
        }
        if errors.is_empty() {
            Ok(PolicyRow { enforced: *enforced, due_at, required, excluded })
        } else {
            Err(errors.into())
        }
    }

    fn parse_groups(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        field: &str,
        groups: &[String],
        errors: &mut FieldErrors,
    ) -> Result<Vec<u32>, Error> {
        if groups.len() > MOST_GROUPS {
            errors.add(field, Code::TooLong, format!("are more than {MOST_GROUPS}"));
            return Ok(Vec::new());
        }
        let mut gids = Vec::with_capacity(groups.len());
        for text in groups {
            let group = match GroupRef::parse(text) {
                Ok(group) => group,
                Err(refused) => {
                    errors.add(field, refused.code, refused.message);
                    continue;
                }
            };
            let found = self.find_group(db, host, &group)?;
            let found = found.as_ref().map(super::fields::Joined::name_and_gid);
            match found {
                Some((name, _)) if OWN_GROUPS.contains(&name) => {
                    let message = format!(
                        "{name} is kept by Roster itself: everybody is meant \
                                           where no group is named"
                    );
                    errors.add(field, Code::Reserved, message);
                }
                Some((_, Some(gid))) => gids.push(gid),
                _ => errors.add(field, Code::NotFound, format!("there is no group {group}")),
            }
        }
        gids.sort_unstable();
        gids.dedup();
        Ok(gids)
    }

    /// What somebody should know who puts the policy of this state of the store in force.
    fn enrolment_warnings(&self, db: Db<'_>, now: i64) -> Result<Vec<String>, Error> {
        let reach = self.reach(db)?;
        if !reach.policy().enforced {
            return Ok(vec!["nobody would have to have a second factor".to_owned()]);
        }
        let settings = &self.config().authentication;
        let show = &settings.second_factor_enrolment_services;
        let (mut covered, mut missing) = (0_u64, 0_u64);
        // Of those whom nothing would show how: the first ten, and how many there are.
        let (mut elsewhere, mut further) = (Vec::new(), 0_u64);
        db.each_published_user(|user| {
            let usable = user.enabled && !user.locked && user.expires_at.is_none_or(|at| at > now);
            if !usable || !reach.covers(db, &user)? {
                return Ok::<_, Error>(());
            }
            covered += 1;
            if user.has_code {
                return Ok(());
            }
            missing += 1;
            let last = db.login(user.id)?.last_service;
            let known =
                show.contains(&last) || settings.second_factor_exempt_services.contains(&last);
            if !last.is_empty() && !known {
                match elsewhere.len() {
                    ..10 => elsewhere.push(format!("{} ({last})", user.name)),
                    _ => further += 1,
                }
            }
            Ok(())
        })?;
        let from = reach.policy().due_at.map(|at| format!(" from {} on", Timestamp(at)));
        let mut warnings = vec![format!(
            "{} of {} users who must have a second factor have none: they would be led through \
             setting it up at their next login{}",
            missing,
            covered,
            from.unwrap_or_default()
        )];
        if missing == 0 {
            return Ok(warnings);
        }
        let services = if show.is_empty() { "none".to_owned() } else { show.join(", ") };
        warnings.push(format!(
            "services that can show how: {services}; every other one refuses them until then, but \
             for those that are exempt ({})",
            settings.second_factor_exempt_services.join(", ")
        ));
        if !elsewhere.is_empty() {
            let more = if further == 0 { String::new() } else { format!(" and {further} more") };
            warnings.push(format!(
                "could be locked out, since their last login was by a service that cannot show it: \
                 {}{more}",
                elsewhere.join(", ")
            ));
        }
        Ok(warnings)
    }
}

/// A policy with the names of its groups; the number of one that is gone.
fn shown(db: Db<'_>, host: &LocalAccounts, row: &PolicyRow) -> Result<TwoFactorPolicy, Error> {
    let PolicyRow { enforced, due_at, required, excluded } = row;
    let names = |gids: &[u32]| -> Result<Vec<String>, Error> {
        let mut names = Vec::with_capacity(gids.len());
        for gid in gids {
            let ours = db.group_by_gid(*gid)?.map(|group| group.name.to_string());
            let theirs = || host.group_by_gid(*gid).map(|group| group.name.clone());
            names.push(ours.or_else(theirs).unwrap_or_else(|| format!("#{gid}")));
        }
        names.sort();
        Ok(names)
    };
    Ok(TwoFactorPolicy {
        enforced: *enforced,
        groups: names(required)?,
        excluded: names(excluded)?,
        due_at: due_at.map(Timestamp),
    })
}

/// Each field that differs, with its values before and after.
fn differences(from: &TwoFactorPolicy, to: &TwoFactorPolicy) -> Result<Map<String, Value>, Error> {
    let fields = |policy: &TwoFactorPolicy| match serde_json::to_value(policy) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Error::Unavailable("the policy is no object".to_owned())),
    };
    let (from, to) = (fields(from)?, fields(to)?);
    let differ = from.into_iter().filter(|(field, value)| to.get(field) != Some(value));
    Ok(differ
        .map(|(field, from)| {
            let entry = json!({ "from": from, "to": to.get(&field) });
            (field, entry)
        })
        .collect())
}

#[cfg(test)]
#[path = "enforcement_tests.rs"]
mod tests;
