//! Who may do what: the one place where that is decided.
//!
//! A decision in favour is a [`Grant`], a value that only this module makes and that every mutating
//! verb of the service asks for. uid 0 and the roles in the store decide; what they do not allow,
//! polkit may still grant (an administrator authenticates, or a site's rule says so).
//!
//! | may | own account | others' |
//! | --- | --- | --- |
//! | user | read; own fields, settings, profile, own password (with the old one), second factor, keys, tokens, proof of the address | nothing |
//! | auditor | as user | read; the audit log |
//! | helpdesk | as user | of plain users without sudo: unlock, password, second factor, end tokens |
//! | admin, uid 0 | everything | everything |
//!
//! An account that is locked, disabled or expired can still read its own record, and nothing else.

use accounts::{Role, UserId};

/// What a caller wants to do. Several verbs may be one action; see `bus::Verb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Create a user.
    UserCreate,
    /// Change any field of a user.
    UserUpdate,
    /// Change the fields of `UserFields::OWN` in the own record.
    UserUpdateOwn,
    /// Delete a user.
    UserDelete,
    /// Read a user's record.
    UserRead,
    /// List all users.
    UserList,
    /// Lock a user.
    UserLock,
    /// Unlock a user.
    UserUnlock,
    /// Enable and disable a user.
    UserEnable,
    /// Set and remove a user's attributes.
    AttributeManage,
    /// Set and delete a user's settings and the texts of its profile.
    MetadataManage,
    /// Set, make up or clear a user's password without the old one.
    PasswordSet,
    /// Take over a user's hashed password, its lock and its ages from another system.
    PasswordImport,
    /// Set a password that the rules for passwords refuse.
    PasswordOverride,
    /// Have the token mailed that proves a user's address.
    EmailVerify,
    /// Change the own password, with the old one.
    PasswordChangeOwn,
    /// Enrol, confirm, switch and end second factors.
    TwoFactorManage,
    /// Check a code, and spend it.
    TwoFactorVerify,
    /// See which second factors there are.
    TwoFactorRead,
    /// Say who must have a second factor, and take one kind away from everybody.
    TwoFactorEnforce,
    /// Exchange the key of second-factor secrets. uid 0 alone may, and nobody is asked.
    TotpKeyRotate,
    /// Add and remove public keys.
    KeyManage,
    /// List public keys.
    KeyRead,
    /// Make app passwords.
    TokenCreate,
    /// List app passwords and logins.
    TokenRead,
    /// End app passwords and logins.
    TokenRevoke,
    /// Grant and revoke sudo rules, roles, and membership of groups that give root.
    SudoManage,
    /// List sudo rules.
    SudoRead,
    /// Set up the first administrator. uid 0 alone may, and nobody is asked.
    AdministratorSetUp,
    /// Create, change, delete and fill groups.
    GroupManage,
    /// Read groups.
    GroupRead,
    /// Read and check the audit log.
    AuditRead,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The calling process's user, as the kernel tells it.
    pub uid: u32,
    /// The account of ours with that uid, if there is one.
    pub account: Option<CallerAccount>,
}

/// The caller's own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerAccount {
    /// Its identifier.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Whether it may be used: not locked, not disabled, not expired.
    pub active: bool,
}

/// Whom the action is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The user's identifier.
    pub id: UserId,
    /// The user's number.
    pub uid: u32,
    /// The user's role.
    pub role: Role,
    /// Whether a sudo rule, or a group that gives root, is the user's.
    pub has_sudo: bool,
}

/// Who acts, as the audit log names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The calling user.
    pub uid: u32,
    /// Our user's name, `root`, or `uid:N`.
    pub name: String,
    /// The front door: `bus`, `auth` or `daemon`.
    pub via: &'static str,
    /// What this actor does is planned and not done.
    rehearses: bool,
}

impl Actor {
    /// Whether what this actor does is only to be planned.
    #[must_use]
    pub const fn rehearses(&self) -> bool {
        self.rehearses
    }

    /// The daemon itself, on behalf of nobody: timers.
    #[must_use]
    pub fn daemon() -> Self {
        Self { uid: 0, name: "rosterd".to_owned(), via: "daemon", rehearses: false }
    }

    /// Somebody who has no right and needs none: who acts by a secret, such as a token that was
    /// mailed to them, or asks for what anybody may ask for.
    #[must_use]
    pub fn bearer(caller: &Caller) -> Self {
        actor(caller)
    }

    /// The same actor, whose doings are planned and not done.
    #[must_use]
    pub const fn for_rehearsal(mut self) -> Self {
        self.rehearses = true;
        self
    }
}

/// The right to do one thing, once. Only [`decide`] and [`PendingGrant::granted`] make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    actor: Actor,
    allowed: Vec<(Action, Option<UserId>)>,
    /// An administrator may also give power to whom the grant is about.
    administrator: bool,
}

impl Grant {
    /// Who acts.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Whether this grant was given for that action on that user (`None`: on no one user). Power
    /// over sudo, once given, holds for whomever else the grant is about: a user that is being
    /// created has no identifier before.
    #[must_use]
    pub fn permits(&self, action: Action, target: Option<UserId>) -> bool {
        self.allowed.contains(&(action, target))
            || (action == Action::SudoManage
                && (self.administrator || self.allowed.contains(&(action, None))))
    }

    /// The user that the grant is about.
    #[must_use]
    pub fn target(&self) -> Option<UserId> {
        self.allowed.first().and_then(|(_, target)| *target)
    }

    /// This grant and what another one, of the same actor, permits.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        if self.actor.uid == other.actor.uid {
            self.actor.rehearses |= other.actor.rehearses;
            self.allowed.extend(other.allowed);
        }
        self
    }

    /// The same grant for a rehearsal: what it permits can be planned with it, and nothing be done.
    #[must_use]
    pub const fn for_rehearsal(mut self) -> Self {
        self.actor.rehearses = true;
        self
    }

    /// Whether nothing can be done with this grant.
    #[must_use]
    pub const fn rehearses(&self) -> bool {
        self.actor.rehearses
    }

    /// The same grant, given at another front door.
    #[must_use]
    pub const fn via(mut self, front_door: &'static str) -> Self {
        self.actor.via = front_door;
        self
    }
}

/// A grant that polkit has to agree to first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingGrant(Grant);

impl PendingGrant {
    /// The grant, once polkit has said yes.
    #[must_use]
    pub fn granted(self) -> Grant {
        self.0
    }
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow(Grant),
    /// Not by role; polkit may agree.
    AskPolkit(PendingGrant),
    /// No, whatever polkit says.
    Deny,
}

/// Decides whether the caller may do that to that user (`None`: to no one user).
#[must_use]
pub fn decide(caller: &Caller, action: Action, target: Option<&Target>) -> Decision {
    let id = target.map(|target| target.id);
    let own = match (&caller.account, target) {
        (Some(account), Some(target)) => account.id == target.id && caller.uid == target.uid,
        _ => false,
    };
    let row = table(action);
    match row.administrator {
        Reach::OwnAccount if !own => return Decision::Deny,
        Reach::RootAlone if caller.uid != 0 => return Decision::Deny,
        Reach::Anybody | Reach::OwnAccount | Reach::RootAlone => {}
    }
    let active = caller.account.as_ref().is_some_and(|account| account.active);
    let role = caller.account.as_ref().filter(|_| active).map(|account| account.role);
    let administrator = caller.uid == 0 || role == Some(Role::Admin);
    let grant = Grant { actor: actor(caller), allowed: vec![(action, id)], administrator };
    let allowed = administrator
        || (own && row.own && (active || action == Action::UserRead))
        || (role == Some(Role::Auditor) && row.auditor)
        || (role == Some(Role::Helpdesk) && row.helpdesk && !own && target.is_some_and(is_plain));
    if allowed {
        Decision::Allow(grant)
    } else if row.administrator == Reach::OwnAccount {
        Decision::Deny
    } else {
        Decision::AskPolkit(PendingGrant(grant))
    }
}

fn actor(caller: &Caller) -> Actor {
    let name = match &caller.account {
        Some(account) => account.name.clone(),
        None if caller.uid == 0 => "root".to_owned(),
        None => format!("uid:{}", caller.uid),
    };
    Actor { uid: caller.uid, name, via: "bus", rehearses: false }
}

/// Nothing to gain for a helpdesk that becomes this user.
fn is_plain(target: &Target) -> bool {
    target.role == Role::User && !target.has_sudo && target.uid != 0
}

/// What a line of the table allows, beside uid 0 and administrators.
struct Row {
    /// Everybody, to the own account.
    own: bool,
    /// An auditor, to anybody.
    auditor: bool,
    /// The helpdesk, to plain users.
    helpdesk: bool,
    /// uid 0 and administrators.
    administrator: Reach,
}

/// How far an administrator's right reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// To every account.
    Anybody,
    /// To the own account: nobody may for somebody else, and polkit is not asked.
    OwnAccount,
    /// uid 0 alone may, and polkit is not asked.
    RootAlone,
}

const YES: bool = true;
const NO: bool = false;

const fn row(own: bool, auditor: bool, helpdesk: bool, administrator: Reach) -> Row {
    Row { own, auditor, helpdesk, administrator }
}

/// The table.
#[rustfmt::skip]
const fn table(action: Action) -> Row {
    use Reach::{Anybody, OwnAccount, RootAlone};
    match action {
        //                             own, auditor, helpdesk, administrator
        Action::UserCreate         => row(NO,  NO,  NO,  Anybody),
        Action::UserUpdate         => row(NO,  NO,  NO,  Anybody),
        Action::UserUpdateOwn      => row(YES, NO,  NO,  OwnAccount),
        Action::UserDelete         => row(NO,  NO,  NO,  Anybody),
        Action::UserRead           => row(YES, YES, NO,  Anybody),
        Action::UserList           => row(NO,  YES, NO,  Anybody),
        Action::UserLock           => row(NO,  NO,  NO,  Anybody),
        Action::UserUnlock         => row(NO,  NO,  YES, Anybody),
        Action::UserEnable         => row(NO,  NO,  NO,  Anybody),
        Action::AttributeManage    => row(NO,  NO,  NO,  Anybody),
        Action::MetadataManage     => row(YES, NO,  NO,  Anybody),
        Action::PasswordSet        => row(NO,  NO,  YES, Anybody),
        Action::PasswordImport     => row(NO,  NO,  NO,  Anybody),
        Action::PasswordOverride   => row(NO,  NO,  NO,  Anybody),
        Action::EmailVerify        => row(YES, NO,  NO,  Anybody),
        Action::PasswordChangeOwn  => row(YES, NO,  NO,  OwnAccount),
        Action::TwoFactorManage    => row(YES, NO,  YES, Anybody),
        Action::TwoFactorVerify    => row(YES, NO,  YES, Anybody),
        Action::TwoFactorRead      => row(YES, YES, YES, Anybody),
        Action::TwoFactorEnforce   => row(NO,  NO,  NO,  Anybody),
        Action::TotpKeyRotate      => row(NO,  NO,  NO,  RootAlone),
        Action::KeyManage          => row(YES, NO,  NO,  Anybody),
        Action::KeyRead            => row(YES, YES, NO,  Anybody),
        Action::TokenCreate        => row(YES, NO,  NO,  Anybody),
        Action::TokenRead          => row(YES, YES, YES, Anybody),
        Action::TokenRevoke        => row(YES, NO,  YES, Anybody),
        Action::SudoManage         => row(NO,  NO,  NO,  Anybody),
        Action::SudoRead           => row(YES, YES, NO,  Anybody),
        Action::AdministratorSetUp => row(NO,  NO,  NO,  RootAlone),
        Action::GroupManage        => row(NO,  NO,  NO,  Anybody),
        Action::GroupRead          => row(NO,  YES, NO,  Anybody),
        Action::AuditRead          => row(NO,  YES, NO,  Anybody),
    }
}

#[cfg(test)]
mod tests;
