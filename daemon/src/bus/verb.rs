//! The verbs of the interface: what each one needs, and the polkit action that may grant it.

use crate::authorize::Action;

macro_rules! verbs {
    ($($(#[$doc:meta])* $verb:ident = $id:literal => $action:ident,)*) => {
        /// A verb that needs a right.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Verb {
            $($(#[$doc])* $verb,)*
        }

        impl Verb {
            /// Every verb there is.
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$verb),*];

            /// The polkit action's id.
            pub const fn action_id(self) -> &'static str {
                match self {
                    $(Self::$verb => concat!("org.roster.accounts1.", $id),)*
                }
            }

            /// What it comes to for [`crate::authorize::decide`].
            pub const fn action(self) -> Action {
                match self {
                    $(Self::$verb => Action::$action,)*
                }
            }
        }
    };
}

verbs! {
    /// `CreateUser`.
    CreateUser = "create-user" => UserCreate,
    /// `UpdateUser`.
    UpdateUser = "update-user" => UserUpdate,
    /// `DeleteUser`.
    DeleteUser = "delete-user" => UserDelete,
    /// `ImportUsers`.
    ImportUsers = "import-users" => UserCreate,
    /// `ListDeletedUsers`.
    ListDeletedUsers = "list-deleted-users" => UserList,
    /// `RestoreUser`.
    RestoreUser = "restore-user" => UserCreate,
    /// `PurgeUser`.
    PurgeUser = "purge-user" => UserDelete,
    /// `SyncUsers`.
    SyncUsers = "sync-users" => UserUpdate,
    /// `GetUser`, `FindUser`, `GetMetadata`, `ListUserShells` and a user's properties.
    GetUser = "get-user" => UserRead,
    /// `ListUsers`.
    ListUsers = "list-users" => UserList,
    /// `QueryUsers`.
    QueryUsers = "query-users" => UserList,
    /// `SearchUsers`.
    SearchUsers = "search-users" => UserList,
    /// `LockUser`.
    LockUser = "lock-user" => UserLock,
    /// `UnlockUser`.
    UnlockUser = "unlock-user" => UserUnlock,
    /// `EnableUser`.
    EnableUser = "enable-user" => UserEnable,
    /// `DisableUser`.
    DisableUser = "disable-user" => UserEnable,
    /// `ReserveUid`.
    ReserveUid = "reserve-uid" => UserCreate,
    /// `GetLastSeen`.
    GetLastSeen = "get-last-seen" => UserRead,
    /// `ListLastSeen`.
    ListLastSeen = "list-last-seen" => UserList,
    /// `GetReport`.
    GetReport = "get-report" => UserList,
    /// `SetAttribute`.
    SetAttribute = "set-attribute" => AttributeManage,
    /// `PopAttribute`.
    PopAttribute = "pop-attribute" => AttributeManage,
    /// `SetSetting`.
    SetSetting = "set-setting" => MetadataManage,
    /// `DeleteSetting`.
    DeleteSetting = "delete-setting" => MetadataManage,
    /// `SetProfile`.
    SetProfile = "set-profile" => MetadataManage,
    /// `DeleteProfile`.
    DeleteProfile = "delete-profile" => MetadataManage,
    /// `SetPassword`.
    SetPassword = "set-password" => PasswordSet,
    /// `GeneratePassword`.
    GeneratePassword = "generate-password" => PasswordSet,
    /// `ClearPassword`.
    ClearPassword = "clear-password" => PasswordSet,
    /// `ImportPassword`.
    ImportPassword = "import-password" => PasswordImport,
    /// The option `override_policy` of verbs that set a password.
    OverridePasswordPolicy = "override-password-policy" => PasswordOverride,
    /// `WelcomeUser`: the mail may hold a token that sets the password.
    WelcomeUser = "welcome-user" => PasswordSet,
    /// `VerifyEmail`.
    VerifyEmail = "verify-email" => EmailVerify,
    /// `EnrollTotp`.
    EnrollTotp = "enroll-totp" => TwoFactorManage,
    /// `GetProvisioningUri`.
    GetProvisioningUri = "get-provisioning-uri" => TwoFactorManage,
    /// `ConfirmTotp`.
    ConfirmTotp = "confirm-totp" => TwoFactorManage,
    /// `VerifyTotp`.
    VerifyTotp = "verify-totp" => TwoFactorVerify,
    /// `GenerateRecoveryCodes`.
    GenerateRecoveryCodes = "generate-recovery-codes" => TwoFactorManage,
    /// `GetTwoFactorState`.
    GetTwoFactorState = "get-two-factor-state" => TwoFactorRead,
    /// `EnableTwoFactor`.
    EnableTwoFactor = "enable-two-factor" => TwoFactorManage,
    /// `DisableTwoFactor`.
    DisableTwoFactor = "disable-two-factor" => TwoFactorManage,
    /// `SetTwoFactorPolicy`.
    SetTwoFactorPolicy = "set-two-factor-policy" => TwoFactorEnforce,
    /// `GetTwoFactorPolicy`.
    GetTwoFactorPolicy = "get-two-factor-policy" => UserList,
    /// `CleanupTwoFactor`.
    CleanupTwoFactor = "cleanup-two-factor" => TwoFactorEnforce,
    /// `AddKey`.
    AddKey = "add-key" => KeyManage,
    /// `ListKeys`.
    ListKeys = "list-keys" => KeyRead,
    /// `RemoveKey`.
    RemoveKey = "remove-key" => KeyManage,
    /// `CreateToken`.
    CreateToken = "create-token" => TokenCreate,
    /// `ListTokens`.
    ListTokens = "list-tokens" => TokenRead,
    /// `RevokeToken`.
    RevokeToken = "revoke-token" => TokenRevoke,
    /// `RevokeTokens`.
    RevokeTokens = "revoke-tokens" => TokenRevoke,
    /// `GrantSudo`, and all else that gives root: roles, sudo fields, groups with power.
    GrantSudo = "grant-sudo" => SudoManage,
    /// `RevokeSudo`.
    RevokeSudo = "revoke-sudo" => SudoManage,
    /// `ListSudo`.
    ListSudo = "list-sudo" => SudoRead,
    /// `CreateGroup`.
    CreateGroup = "create-group" => GroupManage,
    /// `GetGroup`, `FindGroup` and a group's properties.
    GetGroup = "get-group" => GroupRead,
    /// `ListGroups`.
    ListGroups = "list-groups" => GroupRead,
    /// `UpdateGroup`.
    UpdateGroup = "update-group" => GroupManage,
    /// `DeleteGroup`.
    DeleteGroup = "delete-group" => GroupManage,
    /// `AddMember`.
    AddMember = "add-member" => GroupManage,
    /// `RemoveMember`.
    RemoveMember = "remove-member" => GroupManage,
    /// `ListAudit`.
    ListAudit = "list-audit" => AuditRead,
    /// `VerifyAudit`.
    VerifyAudit = "verify-audit" => AuditRead,
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = include_str!("../../../packaging/polkit/org.roster.accounts1.policy");

    #[test]
    fn the_shipped_policy_has_one_action_for_each_verb() {
        let mut shipped: Vec<&str> = POLICY
            .split("<action id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        shipped.sort_unstable();
        let mut verbs: Vec<&str> = Verb::ALL.iter().map(|verb| verb.action_id()).collect();
        verbs.sort_unstable();
        assert_eq!(shipped, verbs);
    }

    #[test]
    fn nothing_is_granted_without_an_administrators_password() {
        let defaults = POLICY.matches("<defaults>").count();
        assert_eq!(defaults, Verb::ALL.len());
        for line in [
            "<allow_any>no</allow_any>",
            "<allow_inactive>no</allow_inactive>",
            "<allow_active>auth_admin_keep</allow_active>",
        ] {
            assert_eq!(POLICY.matches(line).count(), defaults, "{line}");
        }
    }
}
