//! Creating a user: one transaction for the record, its groups, keys, rules and first password.

use accounts::{
    Code, DisplayText, FieldErrors, GroupName, GroupRef, HomePath, ShellPath, Subject, Timestamp,
    Uid, User, UserFields, UserId,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::administrators::need;
use super::change::{Change, EventKind};
use super::fields::Joined;
use super::local_accounts::LocalAccounts;
use super::{Error, Service, record};
use crate::authorize::{Action, Grant};
use crate::publish::effect::Effect;
use crate::publish::leftovers::{self, Leftover};
use crate::secret::Secret;
use crate::store::{Db, HolderKey, PasswordRow, UserRow};

/// The password that a verb sets.
#[derive(Debug)]
pub enum NewPassword {
    /// None: password login stays, or becomes, disabled.
    None,
    /// This one.
    Given(Secret),
    /// This one, whatever the rules for passwords say. Takes a right of its own.
    Imposed(Secret),
    /// One that the service makes up and answers, once.
    Generate,
}

/// A user that was created.
#[derive(Debug)]
pub struct Created {
    /// The record.
    pub user: User,
    /// The generated password, if one was asked for.
    pub password: Option<Secret>,
    /// What somebody else has left under that name, which is not the new user's.
    pub warnings: Vec<Leftover>,
}

/// On what a user is created.
pub(super) struct Terms<'a> {
    /// What the caller needs the right to.
    pub(super) action: Action,
    /// What the audit log calls it.
    pub(super) verb: &'a str,
    /// What must hold when the user is written.
    pub(super) allowed: &'a dyn Fn(Db<'_>) -> Result<(), Error>,
}

/// What a request comes to, once everything it needs is found.
pub(super) struct Plan {
    row: UserRow,
    primary: Primary,
    groups: Vec<Joined>,
}

/// The user's primary group.
enum Primary {
    /// It exists.
    Existing(u32),
    /// It is made, named as the user.
    New(GroupName),
}

impl Service {
    /// Creates a user.
    ///
    /// # Errors
    /// Every field that is wrong; who may not; what the host cannot do. Nothing is written then.
    /// [`Error::HomeDirectory`] after the host failed half-way leaves the account without a home,
    /// [`Error::HostEffect`] after Samba refused the password without smb.
    pub fn create_user(
        &self,
        grant: &Grant,
        fields: &Map<String, Value>,
        password: NewPassword,
    ) -> Result<Created, Error> {
        let terms = Terms { action: Action::UserCreate, verb: "user-create", allowed: &|_| Ok(()) };
        self.create_on(&terms, grant, fields, password)
    }

    /// Creates a user on terms that hold inside the transaction.
    pub(super) fn create_on(
        &self,
        terms: &Terms<'_>,
        grant: &Grant,
        fields: &Map<String, Value>,
        password: NewPassword,
    ) -> Result<Created, Error> {
        need(grant, terms.action, None)?;
        let (fields, mut errors) = UserFields::read(fields);
        let generated = matches!(password, NewPassword::Generate);
        let said = self.weigh(grant, &password, None, &fields)?;
        let password = self.new_password(password, &fields, &mut errors);
        if password.is_some() && fields.password_disabled == Some(true) {
            let message = "give either a password or password_disabled";
            errors.add("password_disabled", Code::Conflict, message);
        }
        // Everything is checked before the hash is computed, and again inside the transaction.
        let host = self.local_accounts()?;
        self.read(|db| self.plan(db, &host, &fields, password.is_some(), errors))?;
        let phc = password.as_ref().map(|secret| self.hash_password(secret)).transpose()?;
        let user = self.change(grant.actor(), |change| {
            (terms.allowed)(change.db)?;
            let none = FieldErrors::default();
            let plan = self.plan(change.db, &host, &fields, phc.is_some(), none)?;
            let row = self.write_new(grant, change, &host, &fields, plan)?;
            if let Some(phc) = phc {
                let (changed_at, must_change) = (change.now, false);
                change.db.set_password(row.id, &PasswordRow { phc, changed_at, must_change })?;
            }
            let user = record::user(change.db, row)?;
            change.audit(terms.verb, user.name.as_str(), &user.id.to_string(), &said)?;
            change.announce(EventKind::Added, user.uid, user.name.as_str());
            Ok(user)
        })?;
        self.floors.learn(&host.next);
        if let Some(password) = &password {
            self.hand_to_samba(grant.actor(), user.id, password)?;
        }
        self.welcome_new_user(grant.actor(), user.id);
        let warnings = leftovers::in_wait(&self.host, &user.name, user.uid, user.home.as_str());
        Ok(Created { user, password: password.filter(|_| generated), warnings })
    }

    /// Finds everything a request needs, or every field that is wrong with it.
    pub(super) fn plan(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        fields: &UserFields,
        with_password: bool,
        mut errors: FieldErrors,
    ) -> Result<Plan, Error> {
        let now = self.now();
        let id = UserId(Uuid::now_v7());
        if fields.name.is_none() && !errors.names("name") {
            errors.add("name", Code::Required, "a user needs a name");
        }
        if let Some(name) = &fields.name {
            self.check_user_name(db, host, name, None, &mut errors)?;
        }
        let uid = match fields.uid {
            Some(uid) if db.uid_used(uid.get())? => {
                let message = format!("uid {uid} was given out before: a uid is never used again");
                errors.add("uid", Code::IdInUse, message);
                uid
            }
            Some(uid) if host.knows_uid(uid.get()) => {
                let message = format!("uid {uid} belongs to a user outside Roster");
                errors.add("uid", Code::IdInUse, message);
                uid
            }
            Some(uid) => uid,
            None => next_uid(db, host, now)?,
        };
        let primary = self.plan_primary(db, host, fields, &mut errors)?;
        let groups = fields.groups.as_deref().unwrap_or_default();
        let create_groups = fields.create_groups.unwrap_or(false);
        let groups = self.find_groups(db, host, groups, create_groups, &mut errors)?;
        let home = self.plan_home(fields)?;
        // A home that follows from a refused name says nothing new.
        let follows = fields.home.is_none() && errors.names("name");
        if let Some(home) = home.as_ref().filter(|_| !follows && !errors.names("home")) {
            self.check_home(db, host, home, id, &mut errors)?;
        }
        let default_shell = ShellPath::parse(&self.config.accounts.default_shell);
        let shell = fields.shell.clone().or(default_shell.ok());
        if let Some(shell) = &shell {
            let primary = match &primary {
                Primary::Existing(gid) => self.primary_name(db, host, *gid)?,
                Primary::New(name) => name.to_string(),
            };
            let names = groups.iter().map(|group| group.name_and_gid().0);
            self.check_shell(host, shell, names.chain([primary.as_str()]), &mut errors);
            if fields.ssh_password_enabled == Some(true) && !shell.is_login_shell() {
                let message = format!("needs a login shell, and {} is none", shell.as_str());
                errors.add("ssh_password_enabled", Code::Conflict, message);
            }
        }
        if fields.smb == Some(true) {
            self.check_smb(with_password, &mut errors);
        }
        // The shell is there: the configuration's was checked when it was read.
        let (Some(name), Some(home), Some(shell), true) =
            (fields.name.clone(), home, shell, errors.is_empty())
        else {
            return Err(errors.into());
        };
        let text = |text: &Option<DisplayText>| {
            text.as_ref().map(|text| text.as_str().to_owned()).unwrap_or_default()
        };
        let (first_name, last_name) = (text(&fields.first_name), text(&fields.last_name));
        let full_name = match text(&fields.full_name) {
            given if !given.is_empty() => given,
            _ => format!("{first_name} {last_name}").trim().to_owned(),
        };
        let row = UserRow {
            id,
            name,
            uid: uid.get(),
            gid: match primary {
                Primary::Existing(gid) => gid,
                Primary::New(_) => 0, // Replaced by the group's number when it is made.
            },
            full_name,
            first_name,
            last_name,
            email: fields.email.clone().flatten(),
            email_verified: false,
            home,
            home_mode: fields.home_mode.unwrap_or_default(),
            shell,
            password_disabled: !with_password,
            locked: fields.locked.unwrap_or(false),
            enabled: true,
            ssh_password_enabled: fields.ssh_password_enabled.unwrap_or(false),
            smb: fields.smb.unwrap_or(false),
            expires_at: fields.expires_at.flatten().map(|Timestamp(at)| at),
            password_max_age: fields.password_max_age.flatten(),
            password_min_age: fields.password_min_age.flatten(),
            password_warn: fields.password_warn.flatten(),
            password_inactive: fields.password_inactive.flatten(),
            role: fields.role.unwrap_or_default(),
            attributes: fields.attributes.clone().unwrap_or_default(),
            builtin: false,
            immutable: false,
            created_at: now,
            updated_at: now,
            generation: 1,
        };
        Ok(Plan { row, primary, groups })
    }

    fn plan_primary(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        fields: &UserFields,
        errors: &mut FieldErrors,
    ) -> Result<Primary, Error> {
        if let Some(group) = &fields.group {
            let found = self.find_primary(db, host, group, errors)?;
            return Ok(Primary::Existing(found.map_or(0, |(_, gid)| gid)));
        }
        if fields.group_create == Some(false) {
            errors.add("group", Code::Required, "give a group, or group_create");
        }
        let Some(name) = &fields.name else { return Ok(Primary::Existing(0)) };
        let exists = self.find_group(db, host, &GroupRef::Name(name.to_string()))?.is_some()
            || host.knows_group(name.as_str());
        if exists && !errors.names("name") {
            let message = format!("a group {name} exists already: name it as the group to join it");
            errors.add("group", Code::InUse, message);
        }
        // A user's name is a group's name: the rules are the same.
        match GroupName::parse(name.as_str()) {
            Ok(name) => Ok(Primary::New(name)),
            Err(_) => Ok(Primary::Existing(0)),
        }
    }

    fn plan_home(&self, fields: &UserFields) -> Result<Option<HomePath>, Error> {
        match (&fields.home, &fields.name) {
            (Some(home), _) => Ok(Some(home.clone())),
            (None, None) => Ok(None),
            (None, Some(name)) => HomePath::parse(&format!("{}/{name}", self.config.homes.base))
                .map(Some)
                .map_err(|refused| Error::field("home", refused.code, refused.message)),
        }
    }

    /// Writes a new user and all that hangs on it.
    pub(super) fn write_new(
        &self,
        grant: &Grant,
        change: &mut Change<'_>,
        host: &LocalAccounts,
        fields: &UserFields,
        plan: Plan,
    ) -> Result<UserRow, Error> {
        let Plan { mut row, primary, groups } = plan;
        let role = row.role;
        if role != accounts::Role::User {
            self.need_sudo_right(grant, None, "giving a role")?;
        }
        row.gid = match primary {
            Primary::Existing(gid) => {
                let group = host.group_by_gid(gid).map_or("", |group| group.name.as_str());
                if self.gives_power(change.db, group, Some(gid))? {
                    self.need_sudo_right(grant, None, &format!("joining the group {group}"))?;
                }
                gid
            }
            Primary::New(name) => {
                if self.gives_power(change.db, name.as_str(), None)? {
                    self.need_sudo_right(grant, None, &format!("making the group {name}"))?;
                }
                self.make_group(change, host, &name, Some(row.uid), "")?.gid
            }
        };
        change.use_uid(row.uid)?;
        change.db.release_uid(row.uid)?;
        change.db.insert_user(&row)?;
        for joined in groups {
            self.join(grant, change, host, row.id, joined)?;
        }
        if let Some(tags) = &fields.tags {
            let tags: Vec<String> = tags.iter().map(|tag| tag.as_str().to_owned()).collect();
            change.db.set_tags(row.id, &tags)?;
        }
        for key in fields.ssh_keys.iter().flatten() {
            super::keys::insert(change, row.id, key, None)?;
        }
        let lists = [(&fields.sudo_commands, false), (&fields.sudo_commands_nopasswd, true)];
        for (commands, nopasswd) in lists {
            for command in commands.iter().flatten() {
                self.need_sudo_right(grant, None, "a sudo rule")?;
                let holder = HolderKey::User(row.id);
                super::sudo::insert(change, holder, command.clone(), nopasswd, None)?;
            }
        }
        if fields.home_create == Some(true) || fields.home_adopt == Some(true) {
            change.owe(Effect::CreateHome {
                path: row.home.as_str().to_owned(),
                uid: row.uid,
                gid: row.gid,
                mode: row.home_mode.bits(),
                adopt: fields.home_adopt.unwrap_or(false),
            });
        }
        Ok(row)
    }

    /// The next free uid.
    ///
    /// # Errors
    /// When the store or the host's files cannot be read.
    pub fn next_uid(&self) -> Result<u32, Error> {
        let (host, now) = (self.local_accounts()?, self.now());
        self.read(|db| Ok(next_uid(db, &host, now)?.get()))
    }

    /// The user that is meant.
    ///
    /// # Errors
    /// When there is none such, or the store cannot be read.
    pub fn user(&self, subject: &Subject) -> Result<User, Error> {
        self.read(|db| record::user(db, super::caller::find(db, subject)?))
    }
}

/// The next uid from 3000 up that was never given out, is not held, and is nobody else's.
pub(super) fn next_uid(db: Db<'_>, host: &LocalAccounts, now: i64) -> Result<Uid, Error> {
    let number = host.next[0].find(
        Uid::FIRST,
        Uid::allowed_from,
        |from| Ok(db.free_uid(from)?),
        |number| Ok(!host.knows_uid(number) && !db.uid_reserved(number, now)?),
    )?;
    let none = || Error::Unavailable("every uid is used up".to_owned());
    number.map(Uid::stored).ok_or_else(none)
}
