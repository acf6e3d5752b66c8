//! Every method, with the right it needs, what polkit is asked for who lacks it, and what comes of
//! it. To add one: a line here, and what it is called with in `arguments`.

use bus::names::READS;

use super::table::Outcome::{Already, Changes, Notes, Reads};
use super::table::{
    ADMINISTER, ADMINISTER_ALL, EVERYBODY, NSS, OTHERS_ONLY, OWN_PARTS, OWN_PASSWORD, Outcome,
    READ, READ_ALL, READ_PARTS, ROOT_ALONE, Right, SECOND_FACTOR, SEE_SECOND_FACTOR, SET_PASSWORD,
    UNLOCK,
};

pub(super) const ACCOUNTS: &str = "org.roster.Accounts1";
pub(super) const ADMINISTRATION: &str = "org.roster.Accounts1.Administration";
pub(super) const IMPORT: &str = "org.roster.Accounts1.Import";
pub(super) const LIFECYCLE: &str = "org.roster.Accounts1.Lifecycle";
pub(super) const TWO_FACTOR: &str = "org.roster.Accounts1.TwoFactor";
pub(super) const METADATA: &str = "org.roster.Accounts1.Metadata";
pub(super) const PASSWORDS: &str = "org.roster.Accounts1.Passwords";
pub(super) const MAIL: &str = "org.roster.Accounts1.Mail";
pub(super) const QUERY: &str = "org.roster.Accounts1.Query";
pub(super) const TOKENS: &str = "org.roster.Accounts1.Tokens";
pub(super) const AUDIT: &str = "org.roster.Accounts1.Audit";
pub(super) const GROUPS: &str = "org.roster.Accounts1.Groups";
pub(super) const GROUP: &str = "org.roster.Accounts1.Group";
pub(super) const USER: &str = "org.roster.Accounts1.User";
pub(super) const PLAN: &str = "org.roster.Accounts1.Plan";

/// A method, in one way of calling it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method {
    pub(super) interface: &'static str,
    pub(super) name: &'static str,
    /// Which way, where there are several that need different rights.
    pub(super) way: &'static str,
    pub(super) right: Right,
    /// The polkit actions that are asked about, in this order.
    pub(super) asks: &'static [&'static str],
    pub(super) outcome: Outcome,
}

const fn method(
    interface: &'static str,
    (name, way): (&'static str, &'static str),
    right: Right,
    asks: &'static [&'static str],
    outcome: Outcome,
) -> Method {
    Method { interface, name, way, right, asks, outcome }
}

/// [`METHODS`], and the plans of those that change something: the same right, and nothing changes.
pub(super) fn with_plans() -> Vec<Method> {
    let planned = METHODS
        .iter()
        .filter(|method| {
            !READS.contains(&method.name) && ![USER, GROUP].contains(&method.interface)
        })
        .map(|method| {
            let outcome = if method.outcome == Already { Already } else { Reads };
            Method { interface: PLAN, outcome, ..*method }
        });
    METHODS.iter().copied().chain(planned).collect()
}

#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    method(ACCOUNTS, ("CreateUser", ""), ADMINISTER_ALL, &["create-user"], Changes),
    method(ACCOUNTS, ("CreateUser", "with power"), ADMINISTER_ALL, &["create-user", "grant-sudo"], Changes),
    method(ACCOUNTS, ("CreateUser", "override"), ADMINISTER_ALL, &["create-user", "override-password-policy"], Changes),
    method(ACCOUNTS, ("UpdateUser", ""), ADMINISTER, &["update-user"], Changes),
    method(ACCOUNTS, ("UpdateUser", "own fields"), OWN_PARTS, &["update-user"], Changes),
    method(ACCOUNTS, ("UpdateUser", "with power"), ADMINISTER, &["update-user", "grant-sudo"], Changes),
    method(ACCOUNTS, ("DeleteUser", ""), OTHERS_ONLY, &["delete-user"], Changes),
    method(ACCOUNTS, ("GetUser", ""), READ, &["get-user"], Reads),
    method(ACCOUNTS, ("FindUser", ""), READ, &["get-user"], Reads),
    method(ACCOUNTS, ("ListUsers", ""), READ_ALL, &["list-users"], Reads),
    method(ACCOUNTS, ("LockUser", ""), ADMINISTER, &["lock-user"], Changes),
    method(ACCOUNTS, ("UnlockUser", ""), UNLOCK, &["unlock-user"], Changes),
    method(ACCOUNTS, ("SetPassword", ""), SET_PASSWORD, &["set-password"], Changes),
    method(ACCOUNTS, ("SetPassword", "override"), ADMINISTER, &["set-password", "override-password-policy"], Changes),
    method(ACCOUNTS, ("ChangePassword", ""), OWN_PASSWORD, &[], Changes),
    method(ACCOUNTS, ("GeneratePassword", ""), SET_PASSWORD, &["generate-password"], Changes),
    method(ACCOUNTS, ("ClearPassword", ""), SET_PASSWORD, &["clear-password"], Changes),
    method(ACCOUNTS, ("EnrollTotp", ""), SECOND_FACTOR, &["enroll-totp"], Changes),
    method(ACCOUNTS, ("ConfirmTotp", ""), SECOND_FACTOR, &["confirm-totp"], Changes),
    method(ACCOUNTS, ("VerifyTotp", ""), SECOND_FACTOR, &["verify-totp"], Notes),
    method(ACCOUNTS, ("GenerateRecoveryCodes", ""), SECOND_FACTOR, &["generate-recovery-codes"], Changes),
    method(ACCOUNTS, ("GetTwoFactorState", ""), SEE_SECOND_FACTOR, &["get-two-factor-state"], Reads),
    method(ACCOUNTS, ("EnableTwoFactor", ""), SECOND_FACTOR, &["enable-two-factor"], Changes),
    method(ACCOUNTS, ("DisableTwoFactor", ""), SECOND_FACTOR, &["disable-two-factor"], Changes),
    method(ACCOUNTS, ("AddKey", ""), OWN_PARTS, &["add-key"], Changes),
    method(ACCOUNTS, ("ListKeys", ""), READ_PARTS, &["list-keys"], Reads),
    method(ACCOUNTS, ("RemoveKey", ""), OWN_PARTS, &["remove-key"], Changes),
    method(ACCOUNTS, ("GrantSudo", ""), ADMINISTER, &["grant-sudo"], Changes),
    method(ACCOUNTS, ("RevokeSudo", ""), ADMINISTER, &["revoke-sudo"], Changes),
    method(ACCOUNTS, ("ListSudo", ""), READ_PARTS, &["list-sudo"], Reads),
    method(ACCOUNTS, ("ListSudo", "all"), READ_ALL, &["list-sudo"], Reads),
    method(ACCOUNTS, ("CreateGroup", ""), ADMINISTER_ALL, &["create-group"], Changes),
    method(ACCOUNTS, ("CreateGroup", "with power"), ADMINISTER_ALL, &["create-group", "grant-sudo"], Changes),
    method(ACCOUNTS, ("GetGroup", ""), READ_ALL, &["get-group"], Reads),
    method(ACCOUNTS, ("ListGroups", ""), READ_ALL, &["list-groups"], Reads),
    method(ACCOUNTS, ("DeleteGroup", ""), ADMINISTER_ALL, &["delete-group"], Changes),
    method(ACCOUNTS, ("AddMember", ""), ADMINISTER_ALL, &["add-member"], Changes),
    method(ACCOUNTS, ("AddMember", "with power"), ADMINISTER_ALL, &["add-member", "grant-sudo"], Changes),
    method(ACCOUNTS, ("RemoveMember", ""), ADMINISTER_ALL, &["remove-member"], Changes),
    method(ACCOUNTS, ("GetPasswdEntry", ""), NSS, &[], Reads),
    method(ACCOUNTS, ("GetNextUid", ""), EVERYBODY, &[], Reads),
    method(ACCOUNTS, ("ListShells", ""), EVERYBODY, &[], Reads),
    method(ACCOUNTS, ("WhoAmI", ""), EVERYBODY, &[], Reads),
    method(ADMINISTRATION, ("EnableUser", ""), OTHERS_ONLY, &["enable-user"], Changes),
    method(ADMINISTRATION, ("DisableUser", ""), ADMINISTER, &["disable-user"], Changes),
    method(ADMINISTRATION, ("ReserveUid", ""), ADMINISTER_ALL, &["reserve-uid"], Changes),
    method(ADMINISTRATION, ("GetLastSeen", ""), READ, &["get-last-seen"], Reads),
    method(ADMINISTRATION, ("ListLastSeen", ""), READ_ALL, &["list-last-seen"], Reads),
    method(ADMINISTRATION, ("GetReport", ""), READ_ALL, &["get-report"], Reads),
    method(ADMINISTRATION, ("ListUserShells", ""), READ, &["get-user"], Reads),
    method(ADMINISTRATION, ("UpdateGroup", ""), ADMINISTER_ALL, &["update-group"], Changes),
    method(ADMINISTRATION, ("UpdateGroup", "with power"), ADMINISTER_ALL, &["update-group", "grant-sudo"], Changes),
    method(ADMINISTRATION, ("HasLocalAdministratorSetUp", ""), EVERYBODY, &[], Reads),
    method(ADMINISTRATION, ("SetUpLocalAdministrator", ""), ROOT_ALONE, &[], Already),
    method(IMPORT, ("ImportUsers", ""), ADMINISTER_ALL, &["import-users"], Changes),
    method(IMPORT, ("ImportUsers", "with power"), ADMINISTER_ALL, &["import-users", "grant-sudo"], Changes),
    method(LIFECYCLE, ("ListDeletedUsers", ""), READ_ALL, &["list-deleted-users"], Reads),
    method(LIFECYCLE, ("RestoreUser", ""), ADMINISTER_ALL, &["restore-user"], Changes),
    method(LIFECYCLE, ("RestoreUser", "with power"), ADMINISTER_ALL, &["restore-user", "grant-sudo"], Changes),
    method(LIFECYCLE, ("SyncUsers", ""), ADMINISTER_ALL, &["sync-users"], Reads),
    method(LIFECYCLE, ("PurgeUser", ""), ADMINISTER_ALL, &["purge-user"], Changes),
    method(TWO_FACTOR, ("GetProvisioningUri", ""), SECOND_FACTOR, &["get-provisioning-uri"], Reads),
    method(TWO_FACTOR, ("GetTwoFactorPolicy", ""), READ_ALL, &["get-two-factor-policy"], Reads),
    method(TWO_FACTOR, ("SetTwoFactorPolicy", ""), ADMINISTER_ALL, &["set-two-factor-policy"], Changes),
    method(TWO_FACTOR, ("CleanupTwoFactor", ""), ADMINISTER_ALL, &["cleanup-two-factor"], Changes),
    method(TWO_FACTOR, ("RotateTotpKey", ""), ROOT_ALONE, &[], Changes),
    method(METADATA, ("GetMetadata", ""), READ, &["get-user"], Reads),
    method(METADATA, ("SetAttribute", ""), ADMINISTER, &["set-attribute"], Changes),
    method(METADATA, ("PopAttribute", ""), ADMINISTER, &["pop-attribute"], Changes),
    method(METADATA, ("SetSetting", ""), OWN_PARTS, &["set-setting"], Changes),
    method(METADATA, ("DeleteSetting", ""), OWN_PARTS, &["delete-setting"], Changes),
    method(METADATA, ("SetProfile", ""), OWN_PARTS, &["set-profile"], Changes),
    method(METADATA, ("DeleteProfile", ""), OWN_PARTS, &["delete-profile"], Changes),
    method(PASSWORDS, ("ImportPassword", ""), ADMINISTER, &["import-password"], Changes),
    method(MAIL, ("WelcomeUser", ""), SET_PASSWORD, &["welcome-user"], Changes),
    // Of an address that nobody has; what comes of others comes later.
    method(MAIL, ("RequestPasswordReset", ""), EVERYBODY, &[], Reads),
    method(MAIL, ("ResetPassword", ""), EVERYBODY, &[], Changes),
    method(MAIL, ("VerifyEmail", ""), OWN_PARTS, &["verify-email"], Changes),
    method(MAIL, ("ConfirmEmail", ""), EVERYBODY, &[], Changes),
    method(QUERY, ("QueryUsers", ""), READ_ALL, &["query-users"], Reads),
    method(QUERY, ("SearchUsers", ""), READ_ALL, &["search-users"], Reads),
    method(TOKENS, ("CreateToken", ""), OWN_PARTS, &["create-token"], Changes),
    method(TOKENS, ("CreateToken", "with power"), ADMINISTER, &["create-token", "grant-sudo"], Changes),
    method(TOKENS, ("ListTokens", ""), SEE_SECOND_FACTOR, &["list-tokens"], Reads),
    method(TOKENS, ("RevokeToken", ""), SECOND_FACTOR, &["revoke-token"], Changes),
    method(TOKENS, ("RevokeTokens", ""), SECOND_FACTOR, &["revoke-tokens"], Changes),
    method(TOKENS, ("LogIn", ""), EVERYBODY, &[], Notes),
    method(TOKENS, ("RefreshTokens", ""), EVERYBODY, &[], Notes),
    method(TOKENS, ("VerifyToken", ""), EVERYBODY, &[], Notes),
    method(AUDIT, ("ListAudit", ""), READ_ALL, &["list-audit"], Reads),
    method(AUDIT, ("VerifyAudit", ""), READ_ALL, &["verify-audit"], Reads),
    method(GROUPS, ("FindGroup", ""), READ_ALL, &["get-group"], Reads),
    method(GROUP, ("Get", ""), READ_ALL, &["get-group"], Reads),
    method(GROUP, ("Update", ""), ADMINISTER_ALL, &["update-group"], Changes),
    method(GROUP, ("Update", "with power"), ADMINISTER_ALL, &["update-group", "grant-sudo"], Changes),
    method(GROUP, ("Delete", ""), ADMINISTER_ALL, &["delete-group"], Changes),
    method(GROUP, ("AddMember", ""), ADMINISTER_ALL, &["add-member"], Changes),
    method(GROUP, ("RemoveMember", ""), ADMINISTER_ALL, &["remove-member"], Changes),
    method(USER, ("Get", ""), READ, &["get-user"], Reads),
    method(USER, ("Update", ""), ADMINISTER, &["update-user"], Changes),
    method(USER, ("Update", "own fields"), OWN_PARTS, &["update-user"], Changes),
    method(USER, ("Lock", ""), ADMINISTER, &["lock-user"], Changes),
    method(USER, ("Unlock", ""), UNLOCK, &["unlock-user"], Changes),
    method(USER, ("SetPassword", ""), SET_PASSWORD, &["set-password"], Changes),
    method(USER, ("Delete", ""), OTHERS_ONLY, &["delete-user"], Changes),
];
