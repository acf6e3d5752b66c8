//! What each method is called with, and what has to be so before that it can do something.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use zbus::Variant;

use super::super::client::{Call, secret, text};
use super::super::private_bus::dictionary;
use super::methods::{GROUP, METADATA, Method, USER};
use super::people::{GROUPS_GID, GROUPS_NAME, PASSWORD, Person};

/// The call of the method about that account.
pub(super) fn call(method: &Method, about: &Person) -> Call {
    let path = match method.interface {
        USER => format!("/org/roster/Accounts1/user/{}", about.uid),
        GROUP => format!("/org/roster/Accounts1/group/{GROUPS_GID}"),
        _ => "/org/roster/Accounts1".to_owned(),
    };
    Call {
        path,
        interface: method.interface.to_owned(),
        method: method.name.to_owned(),
        arguments: of(method, about),
        interactive: false,
    }
}

fn map(fields: Value) -> Variant<'static> {
    Variant::new(dictionary(fields))
}

fn of(method: &Method, about: &Person) -> Vec<Variant<'static>> {
    let subject = || text(&about.name);
    let none = || map(json!({}));
    match (method.name, method.way) {
        ("CreateUser", "") => vec![map(json!({"name": "fresh"})), none()],
        ("CreateUser", "override") => {
            vec![map(json!({"name": "fresh"})), map(json!({"override_policy": true}))]
        }
        ("CreateUser", "with power") => {
            vec![map(json!({"name": "fresh", "sudo_commands": ["ALL"]})), none()]
        }
        ("UpdateUser", "") => vec![subject(), map(json!({"email": "new@example.org"})), none()],
        ("UpdateUser", "own fields") => {
            vec![subject(), map(json!({"shell": "/bin/sh", "full_name": "New"})), none()]
        }
        ("UpdateUser", "with power") => {
            vec![subject(), map(json!({"groups": ["docker"]})), none()]
        }
        ("ImportUsers", "with power") => {
            let record = "{\"name\":\"fresh\",\"role\":\"helpdesk\"}";
            vec![secret(record), map(json!({"with_sudo": true}))]
        }
        ("ImportUsers", _) => vec![secret("{\"name\":\"fresh\"}"), none()],
        // Nothing is out of step: it only looks.
        ("SyncUsers", _) => vec![Variant::new(vec![about.name.clone()]), none()],
        ("DeleteUser" | "RestoreUser", _) => vec![subject(), none()],
        ("Update", "with power") if method.interface == GROUP => {
            vec![map(json!({"name": "sudo"}))]
        }
        ("Update", _) if method.interface == GROUP => vec![map(json!({"display_name": "New"}))],
        ("Delete", _) if method.interface == GROUP => vec![],
        ("AddMember" | "RemoveMember", _) if method.interface == GROUP => vec![subject()],
        ("SetPassword" | "Update" | "Delete", way) if method.interface == USER => {
            match (method.name, way) {
                ("SetPassword", _) => vec![secret("another good one"), none()],
                ("Update", "own fields") => vec![map(json!({"shell": "/bin/sh"})), none()],
                ("Update", _) => vec![map(json!({"email": "new@example.org"})), none()],
                _ => vec![none()],
            }
        }
        ("SetPassword", "override") => {
            vec![subject(), secret("password1"), map(json!({"override_policy": true}))]
        }
        ("SetPassword", _) => vec![subject(), secret("another good one"), none()],
        ("ImportPassword", _) => vec![subject(), secret(HASHED)],
        ("ChangePassword", _) => vec![secret(PASSWORD), secret("another good one")],
        ("GeneratePassword" | "EnrollTotp", _) => vec![subject(), none()],
        ("ConfirmTotp" | "VerifyTotp", _) => vec![subject(), secret(&about.code)],
        ("EnableTwoFactor" | "DisableTwoFactor", _) => vec![subject(), text("totp")],
        ("SetTwoFactorPolicy", _) => vec![Variant::Bool(true), none()],
        ("CleanupTwoFactor", _) => vec![text("totp"), none()],
        ("AddKey", _) => vec![subject(), text(OTHER_KEY), none()],
        ("RemoveKey", _) => vec![subject(), Variant::I64(about.key)],
        ("GrantSudo", _) => vec![subject(), text("/usr/bin/true"), none()],
        ("RevokeSudo", _) => vec![subject(), Variant::I64(0)],
        ("ListSudo", "all") => vec![text("")],
        ("CreateGroup", "with power") => {
            vec![map(json!({"name": "fresh", "sudo_commands": ["/usr/bin/id"]}))]
        }
        ("CreateGroup", _) => vec![map(json!({"name": "fresh"}))],
        ("GetGroup" | "DeleteGroup" | "FindGroup", _) => vec![text(GROUPS_NAME)],
        ("UpdateGroup", "") => vec![text(GROUPS_NAME), map(json!({"display_name": "New"}))],
        ("UpdateGroup", _) => vec![text(GROUPS_NAME), map(json!({"name": "sudo"}))],
        ("AddMember", "with power") => vec![text("docker"), subject()],
        ("AddMember" | "RemoveMember", _) => vec![text(GROUPS_NAME), subject()],
        (
            "ListUsers" | "ListGroups" | "ListLastSeen" | "ListDeletedUsers" | "ListAudit"
            | "VerifyAudit",
            _,
        ) => vec![none()],
        ("SetUpLocalAdministrator", _) => vec![text("admin"), secret("another good one")],
        ("SetAttribute", _) => {
            vec![subject(), text("k"), Variant::Variant(Box::new(Variant::U8(1)))]
        }
        ("PopAttribute", _) => vec![subject(), text("k")],
        ("SetSetting", _) => vec![subject(), text("app"), text("k"), text("v"), none()],
        ("DeleteSetting", _) => vec![subject(), text("app"), text("k")],
        ("SetProfile", _) => vec![subject(), text("website"), text("v"), none()],
        ("DeleteProfile", _) => vec![subject(), text("website")],
        ("CreateToken", "with power") => {
            vec![subject(), text("script"), map(json!({"scope": ["sudo"]}))]
        }
        ("CreateToken", _) => vec![subject(), text("script"), none()],
        ("RevokeToken", _) => vec![subject(), Variant::I64(about.token)],
        ("RevokeTokens", _) => vec![subject(), none()],
        ("LogIn", _) => vec![subject(), secret(PASSWORD), none()],
        ("RefreshTokens", _) => vec![secret(&about.refresh)],
        ("VerifyToken", _) => vec![secret(&about.access)],
        ("WelcomeUser", _) => vec![subject(), map(json!({"reset_password": true}))],
        ("RequestPasswordReset", _) => vec![text(&another_address())],
        ("ResetPassword", _) => vec![secret(&about.mailed), secret("another good one")],
        ("ConfirmEmail", _) => vec![secret(&about.mailed)],
        ("QueryUsers", _) => vec![text("[]"), none()],
        ("SearchUsers", _) => vec![text("a"), none()],
        (
            "GetProvisioningUri"
            | "GetUser"
            | "FindUser"
            | "LockUser"
            | "UnlockUser"
            | "ClearPassword"
            | "GenerateRecoveryCodes"
            | "GetTwoFactorState"
            | "ListKeys"
            | "ListSudo"
            | "GetPasswdEntry"
            | "ListTokens"
            | "EnableUser"
            | "DisableUser"
            | "GetLastSeen"
            | "ListUserShells"
            | "PurgeUser"
            | "VerifyEmail"
            | "GetMetadata",
            _,
        ) => vec![subject()],
        (
            "GetNextUid"
            | "ListShells"
            | "WhoAmI"
            | "ReserveUid"
            | "GetReport"
            | "GetTwoFactorPolicy"
            | "RotateTotpKey"
            | "HasLocalAdministratorSetUp"
            | "Get"
            | "Lock"
            | "Unlock",
            _,
        ) => vec![],
        (other, way) => panic!("{other} ({way}): say here what it is called with"),
    }
}

/// An address that nobody has, and nobody has asked for.
fn another_address() -> String {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    format!("nobody{}@example.org", ASKED.fetch_add(1, Ordering::Relaxed))
}

/// As Debian makes it.
const HASHED: &str = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$42RgPIrXdXSEEs77lDi/4IqKVqFBAVaHJkzw5uD1r57";

const OTHER_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4g b@c";

/// The methods that root calls first, so that the method has something to do.
pub(super) fn first(method: &Method) -> &'static [(&'static str, &'static str)] {
    use super::methods::{ACCOUNTS, ADMINISTRATION, GROUPS};
    match (method.interface, method.name) {
        (USER, "Unlock") => &[(ACCOUNTS, "FindUser"), (ACCOUNTS, "LockUser")],
        (USER, _) => &[(ACCOUNTS, "FindUser")],
        (GROUP, "RemoveMember") => &[(GROUPS, "FindGroup"), (ACCOUNTS, "AddMember")],
        (GROUP, _) => &[(GROUPS, "FindGroup")],
        (_, "RestoreUser") if method.way == "with power" => {
            &[(ACCOUNTS, "GrantSudo"), (ACCOUNTS, "DeleteUser")]
        }
        (_, "RestoreUser" | "PurgeUser") => &[(ACCOUNTS, "DeleteUser")],
        (_, "UnlockUser") => &[(ACCOUNTS, "LockUser")],
        (_, "EnableUser") => &[(ADMINISTRATION, "DisableUser")],
        (_, "RevokeSudo") => &[(ACCOUNTS, "GrantSudo")],
        (_, "RemoveMember") => &[(ACCOUNTS, "AddMember")],
        (_, "PopAttribute") => &[(METADATA, "SetAttribute")],
        (_, "DeleteSetting") => &[(METADATA, "SetSetting")],
        (_, "DeleteProfile") => &[(METADATA, "SetProfile")],
        (_, "EnableTwoFactor") => &[(ACCOUNTS, "DisableTwoFactor")],
        _ => &[],
    }
}
