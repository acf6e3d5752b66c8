//! /etc/roster/roster.toml: every setting has a default, an unknown one is an error.

mod mail;
mod tokens;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use mail::{Mail, MailTransport, TOKEN};
pub use tokens::Tokens;

use crate::authenticate::MAX_STRENGTH;

/// The daemon's settings.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Defaults and limits of accounts.
    pub accounts: Accounts,
    /// Home directories.
    pub homes: Homes,
    /// Passwords.
    pub passwords: Passwords,
    /// Logins.
    pub authentication: Authentication,
    /// Tokens.
    pub tokens: Tokens,
    /// Mails to users.
    pub mail: Mail,
    /// Where things are; for tests.
    #[serde(skip)]
    pub places: Places,
}

/// Defaults and limits of accounts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Accounts {
    /// Login shell of a user created without one.
    pub default_shell: String,
    /// Groups whose members can become root; joining one needs the sudo-management right.
    pub root_groups: Vec<String>,
    /// Shells that are a choice for the members of a group alone, in addition to /etc/shells.
    pub group_shells: BTreeMap<String, Vec<String>>,
    /// Days for which a deleted user can be restored.
    pub deleted_retention_days: u32,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            default_shell: "/bin/bash".to_owned(),
            root_groups: [
                "root",
                "sudo",
                "wheel",
                "admin",
                "adm",
                "docker",
                "disk",
                "shadow",
                "lxd",
                "libvirt",
                "kvm",
                "kmem",
                "systemd-journal",
            ]
            .map(str::to_owned)
            .to_vec(),
            group_shells: BTreeMap::new(),
            deleted_retention_days: 30,
        }
    }
}

/// Home directories.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Homes {
    /// The directory in which homes are made.
    pub base: String,
    /// What a new home starts with.
    pub skeleton: PathBuf,
    /// Make a missing home directory when its user logs in.
    pub create_at_login: bool,
}

impl Default for Homes {
    fn default() -> Self {
        Self { base: "/home".to_owned(), skeleton: "/etc/skel".into(), create_at_login: true }
    }
}

/// Passwords.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Passwords {
    /// Fewest characters of a new password.
    pub min_length: usize,
    /// Least strength of a new password as zxcvbn estimates it, 0 to 4.
    pub min_strength: u8,
    /// How many of a user's last passwords it may not take again, the present one included.
    pub history: u32,
    /// A sorted list of leaked passwords, which nobody may take; none when empty.
    pub leaked_list: PathBuf,
    /// argon2id memory, in KiB.
    pub argon2_memory_kib: u32,
    /// argon2id passes.
    pub argon2_passes: u32,
    /// argon2id lanes.
    pub argon2_lanes: u32,
    /// Memory that all computations together may use at a time, in KiB.
    pub memory_budget_kib: u32,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            min_length: 8,
            min_strength: 2,
            history: 5,
            leaked_list: PathBuf::new(),
            argon2_memory_kib: 64 * 1024,
            argon2_passes: 3,
            argon2_lanes: 1,
            memory_budget_kib: 512 * 1024,
        }
    }
}

/// Logins.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Authentication {
    /// PAM services that ask for the password alone: who runs them gave the code at login.
    pub second_factor_exempt_services: Vec<String>,
    /// PAM services that show texts to the person who logs in, and so can lead somebody who must
    /// have a second factor through setting it up. Every other one refuses such a user.
    pub second_factor_enrolment_services: Vec<String>,
    /// Steps of the code's interval that are accepted around the present one.
    pub totp_window: u8,
    /// Failures in a row that cost nothing; each one after them doubles the wait.
    pub free_failures: u32,
    /// The longest wait, in seconds.
    pub max_throttle_seconds: u32,
    /// What authenticator programs show as the issuer.
    pub issuer: String,
}

impl Default for Authentication {
    fn default() -> Self {
        Self {
            second_factor_exempt_services: ["sudo", "sudo-i", "passwd"].map(str::to_owned).to_vec(),
            second_factor_enrolment_services: ["login", "remote", "sshd", "su", "su-l"]
                .map(str::to_owned)
                .to_vec(),
            totp_window: 1,
            free_failures: 4,
            max_throttle_seconds: 900,
            issuer: "Roster".to_owned(),
        }
    }
}

/// Where the daemon's own files are.
#[derive(Debug, Clone, PartialEq)]
pub struct Places {
    /// The database's directory, 0700.
    pub store: PathBuf,
    /// The live index's directory.
    pub live: PathBuf,
    /// The index checkpoint's directory.
    pub checkpoint: PathBuf,
    /// The journal of used numbers, beside the store's directory so that no backup of that one
    /// brings an older one back.
    pub numbers: PathBuf,
    /// The local user file, normally /etc/passwd.
    pub passwd: PathBuf,
    /// The local group file, normally /etc/group.
    pub group: PathBuf,
    /// The shells there are, normally /etc/shells.
    pub shells: PathBuf,
    /// nsswitch.conf(5), to know the other sources.
    pub nsswitch: PathBuf,
    /// The journal's socket.
    pub journal: PathBuf,
    /// Where it is written down where the audit log ends.
    pub audit_record: PathBuf,
    /// The mailer's socket.
    pub mailer: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            store: "/var/lib/roster/store".into(),
            live: "/run/roster".into(),
            checkpoint: "/var/lib/roster/index".into(),
            numbers: "/var/lib/roster/numbers".into(),
            passwd: "/etc/passwd".into(),
            group: "/etc/group".into(),
            shells: "/etc/shells".into(),
            nsswitch: "/etc/nsswitch.conf".into(),
            journal: "/run/systemd/journal/socket".into(),
            audit_record: "/var/lib/roster/audit-head".into(),
            mailer: mail_protocol::SOCKET.into(),
        }
    }
}

/// Why the configuration was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("{0} cannot be read: {1}")]
    Read(PathBuf, std::io::Error),
    /// The file is no TOML, or has an unknown or ill-typed setting.
    #[error("{0}: {1}")]
    Parse(PathBuf, toml::de::Error),
    /// A setting has a value that cannot work.
    #[error("{0}: {1}")]
    Value(PathBuf, String),
}

impl Config {
    /// Reads the file; an absent one means all defaults.
    ///
    /// # Errors
    /// See [`ConfigError`]; names the file and the setting.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(ConfigError::Read(path.to_owned(), error)),
        };
        let config: Self =
            toml::from_str(&text).map_err(|error| ConfigError::Parse(path.to_owned(), error))?;
        config.check().map_err(|message| ConfigError::Value(path.to_owned(), message))?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let p = &self.passwords;
        if !(8 * 1024..=1024 * 1024).contains(&p.argon2_memory_kib) {
            return Err("passwords.argon2_memory_kib: 8192 to 1048576".into());
        }
        if !(1..=32).contains(&p.argon2_passes) || !(1..=16).contains(&p.argon2_lanes) {
            return Err("passwords: argon2_passes 1 to 32, argon2_lanes 1 to 16".into());
        }
        if p.memory_budget_kib < p.argon2_memory_kib {
            return Err("passwords.memory_budget_kib: not below argon2_memory_kib".into());
        }
        if !(1..=512).contains(&p.min_length) {
            return Err("passwords.min_length: 1 to 512".into());
        }
        if p.min_strength > MAX_STRENGTH {
            return Err("passwords.min_strength: 0 to 4".into());
        }
        if p.history > 24 {
            return Err("passwords.history: 0 to 24".into());
        }
        if p.leaked_list.is_relative() && !p.leaked_list.as_os_str().is_empty() {
            return Err("passwords.leaked_list: an absolute path, or nothing".into());
        }
        if self.accounts.deleted_retention_days > 36_500 {
            return Err("accounts.deleted_retention_days: 0 to 36500".into());
        }
        if self.authentication.totp_window > 10 {
            return Err("authentication.totp_window: 0 to 10".into());
        }
        self.tokens.check()?;
        self.mail.check()?;
        accounts::ShellPath::parse(&self.accounts.default_shell)
            .map_err(|refused| format!("accounts.default_shell: {refused}"))?;
        accounts::HomePath::parse(&format!("{}/x", self.homes.base))
            .map_err(|refused| format!("homes.base: {refused}"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roster.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path)
    }

    #[test]
    fn an_absent_file_means_defaults() {
        assert_eq!(Config::load(Path::new("/nonexistent/x")).unwrap(), Config::default());
    }

    #[test]
    fn the_readme_shows_every_setting_with_its_default() {
        let readme = include_str!("../../README.md");
        let block = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        assert_eq!(load(block).unwrap(), Config::default());
        let settings = |text: &str| {
            let table: toml::Table = toml::from_str(text).unwrap();
            let sections = table.iter().map(|(name, section)| (name.clone(), section.as_table()));
            sections
                .map(|(name, keys)| (name, keys.map_or(0, toml::Table::len)))
                .collect::<Vec<_>>()
        };
        let sections = [
            ("accounts", 4),
            ("authentication", 6),
            ("homes", 3),
            ("mail", 10),
            ("passwords", 8),
            ("tokens", 4),
        ];
        assert_eq!(settings(block), sections.map(|(name, keys)| (name.to_owned(), keys)));
    }

    #[test]
    fn the_manual_names_every_setting_with_its_default() {
        let readme = include_str!("../../README.md");
        let block = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let manual = include_str!("../../packaging/man/roster.toml.5");
        let mut named = String::new();
        for line in manual.lines().take_while(|line| *line != ".SH EXAMPLE") {
            let setting =
                line.strip_prefix("\\fB").and_then(|setting| setting.strip_suffix("\\fR"));
            match (line.strip_prefix(".SH ["), setting) {
                (Some(section), _) => named.push_str(&format!("[{section}\n")),
                (_, Some(setting)) => named.push_str(&format!("{}\n", setting.replace('\\', ""))),
                _ => {}
            }
        }
        let settings = |text: &str| toml::from_str::<toml::Table>(text).unwrap();
        assert_eq!(settings(&named), settings(block));
    }

    #[test]
    fn settings_are_read_and_unknown_ones_refused() {
        let config = load("[homes]\nbase = \"/srv/home\"\n").unwrap();
        assert_eq!(config.homes.base, "/srv/home");
        assert!(config.homes.create_at_login);
        assert!(load("[homes]\nbse = \"/srv\"\n").unwrap_err().to_string().contains("bse"));
        assert!(load("[passwords]\nargon2_memory_kib = 1\n").is_err());
        for bad in ["min_strength = 5", "history = 25", "leaked_list = \"pwned.txt\""] {
            assert!(load(&format!("[passwords]\n{bad}\n")).is_err(), "{bad}");
        }
        assert!(load("[accounts]\ndeleted_retention_days = 36501\n").is_err());
        assert!(load("[homes]\nbase = \"relative\"\n").is_err());
        assert!(load("[tokens]\naccess_seconds = 10\n").is_err());
        assert!(load("[tokens]\nrefresh_seconds = 3599\n").is_err());
    }
}
