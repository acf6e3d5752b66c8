//! What somebody should think about before carrying a plan out: who would be locked out, who would
//! gain or lose power, what would be gone for good.

use std::collections::HashSet;

use accounts::{GroupRef, Role};

use super::super::{Error, Service};
use super::difference::Entries;
use super::{Comparison, Facts};
use crate::publish::effect::Effect;
use crate::store::Db;

/// Names that one warning lists.
const MOST_NAMES: usize = 10;

/// A change as warnings see it.
pub(in crate::service) struct Weighed<'a> {
    /// The store with the change made.
    pub(in crate::service) db: Db<'a>,
    /// What it touched.
    pub(in crate::service) comparisons: &'a [Comparison],
    /// What it does to the host.
    pub(in crate::service) effects: &'a [&'a Effect],
    /// Administrators who can get in, before and after.
    pub(in crate::service) administrators: (u64, u64),
}

impl Weighed<'_> {
    /// The warnings, the gravest first.
    ///
    /// # Errors
    /// When the store or the host's group file cannot be read.
    pub(in crate::service) fn warnings(&self, service: &Service) -> Result<Vec<String>, Error> {
        let mut warnings = Vec::new();
        for comparison in self.comparisons {
            logins(comparison, &mut warnings);
        }
        if self.administrators.1 == 1 && self.administrators.0 != 1 {
            warnings.push("only one administrator who can get in would be left".to_owned());
        }
        for effect in self.effects {
            match effect {
                Effect::PurgeHome { path, .. } => {
                    warnings.push(format!("{path} and all it holds would be gone for good"));
                }
                Effect::EndSessions { uid } => {
                    let name =
                        self.comparisons.iter().filter_map(Comparison::latest).find(|facts| {
                            facts.standing.as_ref().is_some_and(|standing| standing.uid == *uid)
                        });
                    let name =
                        name.map_or_else(|| format!("uid {uid}"), |facts| facts.name.clone());
                    warnings.push(format!("the sessions and processes of {name} would end"));
                }
                Effect::PurgeArchive { path, .. } => {
                    warnings.push(format!("what was {path} would be gone for good"));
                }
                Effect::CreateHome { .. }
                | Effect::ArchiveHome { .. }
                | Effect::RestoreHome { .. }
                | Effect::Samba { .. }
                | Effect::MoveHome { .. }
                | Effect::Sudoers { .. } => {}
            }
        }
        for comparison in self.comparisons {
            self.power(service, comparison, &mut warnings)?;
        }
        let mut said = HashSet::new();
        warnings.retain(|warning| said.insert(warning.clone()));
        Ok(warnings)
    }

    /// Who gains or loses what makes root of them.
    fn power(
        &self,
        service: &Service,
        comparison: &Comparison,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let (kind, name, _) = &comparison.whose;
        let whose = match *kind {
            "user" => name.clone(),
            _ => format!("members of {name}"),
        };
        for (field, how) in
            [("sudo_commands", ""), ("sudo_commands_nopasswd", ", without a password")]
        {
            let (had, has) = lists(comparison, field);
            for command in has.iter().filter(|command| !had.contains(command)).take(MOST_NAMES) {
                warnings.push(format!("{whose} could run {command} as root{how}"));
            }
            for command in had.iter().filter(|command| !has.contains(command)).take(MOST_NAMES) {
                warnings.push(format!("{whose} could no longer run {command} as root{how}"));
            }
        }
        if *kind == "group" {
            return self.members(service, comparison, name, warnings);
        }
        for (groups, does) in [(&comparison.joins, "join"), (&comparison.leaves, "leave")] {
            for group in &groups.some {
                if self.is_powerful(service, group)? {
                    let text =
                        format!("{whose} would {does} {group}, whose members can become root");
                    warnings.push(text);
                }
            }
        }
        let standing = |facts: &Option<Facts>| facts.as_ref().and_then(|f| f.standing.clone());
        let (before, after) = (standing(&comparison.before), standing(&comparison.after));
        let gid = |standing: &Option<super::facts::Standing>| standing.as_ref().map(|s| s.gid);
        if let Some(gid) = gid(&after).filter(|gid_after| gid(&before) != Some(*gid_after))
            && let Some(name) = self.powerful_gid(service, gid)?
        {
            warnings.push(format!("{whose} would join {name}, whose members can become root"));
        }
        let is_admin = |role: Option<Role>| role == Some(Role::Admin);
        let (was, is) = (before.map(|s| s.role), after.map(|s| s.role));
        match (is_admin(was), is_admin(is)) {
            (false, true) => warnings.push(format!("{whose} would be an administrator of Roster")),
            (true, false) => {
                warnings.push(format!("{whose} would be no administrator of Roster any more"));
            }
            _ => {}
        }
        Ok(())
    }

    fn members(
        &self,
        service: &Service,
        comparison: &Comparison,
        group: &str,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let Comparison { before, after, joins, leaves, .. } = comparison;
        if before.is_some() && after.is_none() {
            if !leaves.is_empty() {
                let names = names(leaves);
                warnings.push(format!("who is in {group} would lose that group: {names}"));
            }
        } else if !joins.is_empty() && self.is_powerful(service, group)? {
            let names = names(joins);
            warnings.push(format!("{names} would join {group}, whose members can become root"));
        }
        Ok(())
    }

    fn is_powerful(&self, service: &Service, group: &str) -> Result<bool, Error> {
        let host = service.local_accounts()?;
        let found = service.find_group(self.db, &host, &GroupRef::Name(group.to_owned()))?;
        let gid = found.as_ref().and_then(|group| group.name_and_gid().1);
        service.gives_power(self.db, group, gid)
    }

    /// The name of the group with that number, if its members can become root.
    fn powerful_gid(&self, service: &Service, gid: u32) -> Result<Option<String>, Error> {
        let host = service.local_accounts()?;
        let found = service.find_group(self.db, &host, &GroupRef::Gid(gid))?;
        let name = found.map_or_else(String::new, |group| group.name_and_gid().0.to_owned());
        let powerful = service.gives_power(self.db, &name, Some(gid))?;
        Ok(powerful.then(|| if name.is_empty() { format!("the group {gid}") } else { name }))
    }
}

/// Who could log in before and not after, or the other way round.
fn logins(comparison: &Comparison, warnings: &mut Vec<String>) {
    let standing = |facts: &Option<Facts>| facts.as_ref().and_then(|f| f.standing.clone());
    let (before, after) = (standing(&comparison.before), standing(&comparison.after));
    let name = comparison.latest().map_or("", |facts| facts.name.as_str());
    match (&before, &after) {
        (Some(before), None) if before.barred.is_empty() => {
            warnings.push(format!("{name} could no longer log in: the account would be gone"));
        }
        (Some(before), Some(after)) if before.barred.is_empty() && !after.barred.is_empty() => {
            let why = after.barred.join(", ");
            warnings.push(format!("{name} could no longer log in: {why}"));
        }
        (None, Some(after)) if !after.barred.is_empty() => {
            let why = after.barred.join(", ");
            warnings.push(format!("{name} could not log in yet: {why}"));
        }
        (Some(before), Some(after)) if !before.barred.is_empty() && after.barred.is_empty() => {
            warnings.push(format!("{name} could log in"));
        }
        _ => {}
    }
    if let (Some(before), Some(after)) = (before, after) {
        match (before.second_factor, after.second_factor) {
            (true, false) => {
                warnings.push(format!("logins as {name} would no longer ask for a code"));
            }
            (false, true) => warnings.push(format!("logins as {name} would ask for a code")),
            _ => {}
        }
    }
}

/// A list before and after.
fn lists<'a>(comparison: &'a Comparison, field: &str) -> (Vec<&'a str>, Vec<&'a str>) {
    let list = |facts: &'a Option<Facts>| match facts {
        Some(facts) => facts.list(field),
        None => Vec::new(),
    };
    (list(&comparison.before), list(&comparison.after))
}

fn names(all: &Entries) -> String {
    let shown = all.some.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    let more = all.more + all.some.len().saturating_sub(MOST_NAMES) as u64;
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
