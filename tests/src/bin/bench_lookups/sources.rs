//! What is compared: the services that answer, and how far each can be measured.

use crate::figures::{ENUMERATION, INITGROUPS};

/// One service of nsswitch.conf.
pub struct Source {
    /// Its name there, and of its view.
    pub service: &'static str,
    /// What the tables call it.
    pub title: &'static str,
    /// It is not measured with more accounts than this, because of `reason`.
    pub most: usize,
    reason: &'static str,
    /// What it gives no right answer to, and why.
    pub cannot: &'static [(&'static str, &'static str)],
}

const fn unlimited(service: &'static str, title: &'static str) -> Source {
    Source { service, title, most: usize::MAX, reason: "", cannot: &[] }
}

/// The floor, once more in a process of its own: how far two measurements of one thing lie apart.
pub const NOISE: &str = "floor-again";
pub const FLOOR: &str = "floor";
pub const ROSTER: &str = "roster";
pub const SSSD: &str = "sss";
pub const REFERENCE: &str = "reference";

pub const SOURCES: [Source; 8] = [
    unlimited(FLOOR, "the floor: a constant"),
    unlimited(NOISE, "the floor once more: the noise"),
    unlimited(ROSTER, "Roster"),
    unlimited(REFERENCE, "the same index through libnss"),
    unlimited("files", "files"),
    unlimited("extrausers", "extrausers"),
    Source {
        service: SSSD,
        title: "SSSD, 1,000 accounts in its cache",
        most: 100_000,
        reason: "filling its cache takes too long",
        cannot: &[
            (INITGROUPS, "its proxy needs initgroups_dyn, which extrausers does not have"),
            (ENUMERATION, "it lists only what it has copied beforehand, which takes it minutes"),
        ],
    },
    Source {
        service: "systemd",
        title: "systemd-userdb",
        most: 10_000,
        reason: "wants two files an account, and one a membership",
        cannot: &[(INITGROUPS, "systemd-userdbd 252 gives no memberships of records in files")],
    },
];

/// So many accounts are in SSSD's cache, and only these are asked for: its backend reads the whole file
/// for each. With more than this it lists nobody either, because for that it must have copied everybody
/// beforehand, which takes it minutes.
pub const SSSD_CACHED: usize = 1000;

impl Source {
    /// Why it is not measured at this size, if it is not.
    pub fn not_measured(&self, size: usize) -> Option<&'static str> {
        (size > self.most).then_some(self.reason)
    }

    /// The argument for the measuring program.
    pub fn argument(&self) -> String {
        match self.service {
            SSSD => format!("{SSSD}={SSSD_CACHED}"),
            service => service.to_owned(),
        }
    }
}
