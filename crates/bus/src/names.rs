//! The names of the service, its interfaces, its objects and its polkit actions.

/// The well-known name on the system bus.
pub const SERVICE: &str = "org.roster.Accounts1";
/// The management interface.
pub const INTERFACE: &str = "org.roster.Accounts1";
/// The object of the management interface.
pub const PATH: &str = "/org/roster/Accounts1";
/// The interface of a user's object.
pub const USER_INTERFACE: &str = "org.roster.Accounts1.User";
/// The interface of a group's object.
pub const GROUP_INTERFACE: &str = "org.roster.Accounts1.Group";
/// Finding groups' objects, and the signals about groups, on the management interface's object.
pub const GROUPS: &str = "org.roster.Accounts1.Groups";
/// The further verbs of an administrator, on the same object.
pub const ADMINISTRATION: &str = "org.roster.Accounts1.Administration";
/// Users that were deleted, on the same object.
pub const LIFECYCLE: &str = "org.roster.Accounts1.Lifecycle";
/// Second factors of everybody, on the same object.
pub const TWO_FACTOR: &str = "org.roster.Accounts1.TwoFactor";
/// Attributes, settings and profiles, on the same object.
pub const METADATA: &str = "org.roster.Accounts1.Metadata";
/// Passwords that come from elsewhere, on the same object.
pub const PASSWORDS: &str = "org.roster.Accounts1.Passwords";
/// Mails to users, and what their tokens are good for, on the same object.
pub const MAIL: &str = "org.roster.Accounts1.Mail";
/// Many users at once, on the same object.
pub const IMPORT: &str = "org.roster.Accounts1.Import";
/// Lists by filter and by text, on the same object.
pub const QUERY: &str = "org.roster.Accounts1.Query";
/// App passwords, and logins by token, on the same object.
pub const TOKENS: &str = "org.roster.Accounts1.Tokens";
/// Every verb that changes something, rehearsed, on the same object.
pub const PLAN: &str = "org.roster.Accounts1.Plan";
/// The methods of the object that change nothing, or nothing that could be planned: a login. Each of
/// the others has a plan.
pub const READS: &[&str] = &[
    "FindGroup",
    "FindUser",
    "GetGroup",
    "GetLastSeen",
    "GetMetadata",
    "GetNextUid",
    "GetPasswdEntry",
    "GetProvisioningUri",
    "GetReport",
    "GetTwoFactorPolicy",
    "GetTwoFactorState",
    "GetUser",
    "HasLocalAdministratorSetUp",
    "ListAudit",
    "ListDeletedUsers",
    "ListGroups",
    "ListKeys",
    "ListLastSeen",
    "ListShells",
    "ListSudo",
    "ListTokens",
    "ListUserShells",
    "ListUsers",
    "LogIn",
    "QueryUsers",
    "RefreshTokens",
    "SearchUsers",
    "VerifyAudit",
    "VerifyToken",
    "WhoAmI",
];
/// Of those, the ones whose call is never made again by itself: its descriptor is read by then, and a
/// refresh token that comes twice ends its login.
pub const ONCE: &[&str] = &["LogIn", "RefreshTokens", "VerifyToken"];
/// The audit log, on the same object.
pub const AUDIT: &str = "org.roster.Accounts1.Audit";
/// What a user's object path starts with; the uid follows.
pub const USER_PATH: &str = "/org/roster/Accounts1/user/";
/// What a group's object path starts with; the gid follows.
pub const GROUP_PATH: &str = "/org/roster/Accounts1/group/";
/// What an error's name starts with.
pub const ERROR_PREFIX: &str = "org.roster.Accounts1.Error.";
/// What a polkit action starts with; the verb follows, with dashes.
pub const ACTION_PREFIX: &str = "org.roster.accounts1.";
/// The most entries that one page of a list may hold.
pub const MAX_PAGE: u64 = 10_000;
/// The entries of a page when the caller does not say.
pub const DEFAULT_PAGE: u64 = 500;

/// The path of a user's object.
#[must_use]
pub fn user_path(uid: u32) -> String {
    format!("{USER_PATH}{uid}")
}

/// The path of a group's object.
#[must_use]
pub fn group_path(gid: u32) -> String {
    format!("{GROUP_PATH}{gid}")
}

/// The uid that a user's object path names, or `None` for any other path.
#[must_use]
pub fn user_path_uid(path: &str) -> Option<u32> {
    let number = path.strip_prefix(USER_PATH)?;
    let uid: u32 = number.parse().ok()?;
    (uid.to_string() == number).then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_its_uid_are_one_to_one() {
        assert_eq!(user_path_uid(&user_path(3000)), Some(3000));
        for other in ["/org/roster/Accounts1", "/org/roster/Accounts1/user/", "user/1"] {
            assert_eq!(user_path_uid(other), None);
        }
        for odd in ["+3000", "03000", "3000/x", "4294967296", "-1"] {
            assert_eq!(user_path_uid(&format!("{USER_PATH}{odd}")), None, "{odd}");
        }
    }
}
