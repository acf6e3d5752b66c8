use uuid::Uuid;

use super::*;

const ACTIONS: [Action; 27] = [
    Action::UserCreate,
    Action::UserUpdate,
    Action::UserUpdateOwn,
    Action::UserDelete,
    Action::UserRead,
    Action::UserList,
    Action::UserLock,
    Action::UserUnlock,
    Action::UserEnable,
    Action::AttributeManage,
    Action::MetadataManage,
    Action::PasswordSet,
    Action::PasswordChangeOwn,
    Action::TwoFactorManage,
    Action::TwoFactorVerify,
    Action::TwoFactorRead,
    Action::TwoFactorEnforce,
    Action::KeyManage,
    Action::KeyRead,
    Action::TokenCreate,
    Action::TokenRead,
    Action::TokenRevoke,
    Action::SudoManage,
    Action::SudoRead,
    Action::GroupManage,
    Action::GroupRead,
    Action::AuditRead,
];

/// The whole table: per action, who is allowed by role. Columns: `o` on the own account as a plain
/// user; and to a plain other user as `u`ser, a`U`ditor, `h`elpdesk; `p` to an other user with
/// power (sudo or a role) as helpdesk; `n` to no one user as plain user; `N` so as auditor.
/// Administrators and uid 0 are allowed everything but what is only one's own.
const ALLOWED: [(Action, &str); 27] = [
    (Action::UserCreate, ""),
    (Action::UserUpdate, ""),
    (Action::UserUpdateOwn, "o"),
    (Action::UserDelete, ""),
    (Action::UserRead, "oUN"),
    (Action::UserList, "UN"),
    (Action::UserLock, ""),
    (Action::UserUnlock, "h"),
    (Action::UserEnable, ""),
    (Action::AttributeManage, ""),
    (Action::MetadataManage, "o"),
    (Action::PasswordSet, "h"),
    (Action::PasswordChangeOwn, "o"),
    (Action::TwoFactorManage, "oh"),
    (Action::TwoFactorVerify, "oh"),
    (Action::TwoFactorRead, "oUhN"),
    (Action::TwoFactorEnforce, ""),
    (Action::KeyManage, "o"),
    (Action::KeyRead, "oUN"),
    (Action::TokenCreate, "o"),
    (Action::TokenRead, "oUhN"),
    (Action::TokenRevoke, "oh"),
    (Action::SudoManage, ""),
    (Action::SudoRead, "oUN"),
    (Action::GroupManage, ""),
    (Action::GroupRead, "UN"),
    (Action::AuditRead, "UN"),
];

fn id(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn caller(role: Role) -> Caller {
    let account = CallerAccount { id: id(1), name: "alice".to_owned(), role, active: true };
    Caller { uid: 3000, account: Some(account) }
}

fn root() -> Caller {
    Caller { uid: 0, account: None }
}

fn stranger() -> Caller {
    Caller { uid: 1000, account: None }
}

fn own() -> Target {
    Target { id: id(1), uid: 3000, role: Role::User, has_sudo: false }
}

fn other(role: Role, has_sudo: bool) -> Target {
    Target { id: id(2), uid: 3001, role, has_sudo }
}

fn allowed(caller: &Caller, action: Action, target: Option<&Target>) -> bool {
    matches!(decide(caller, action, target), Decision::Allow(_))
}

fn only_own(action: Action) -> bool {
    matches!(action, Action::UserUpdateOwn | Action::PasswordChangeOwn)
}

#[test]
fn the_table_is_what_roles_allow() {
    let plain = other(Role::User, false);
    let powerful = [
        other(Role::User, true),
        other(Role::Auditor, false),
        other(Role::Helpdesk, false),
        other(Role::Admin, false),
    ];
    for (action, columns) in ALLOWED {
        let is = |column: char| columns.contains(column);
        let may = |role, target: Option<&Target>| allowed(&caller(role), action, target);
        for role in [Role::User, Role::Auditor, Role::Helpdesk] {
            let by_role = role == Role::Auditor && is('U');
            assert_eq!(may(role, Some(&own())), is('o') || by_role, "{action:?} own {role:?}");
        }
        assert_eq!(may(Role::User, Some(&plain)), is('u'), "{action:?} user");
        assert_eq!(may(Role::Auditor, Some(&plain)), is('U'), "{action:?} auditor");
        assert_eq!(may(Role::Helpdesk, Some(&plain)), is('h'), "{action:?} helpdesk");
        assert_eq!(may(Role::User, None), is('n'), "{action:?} user, no one");
        assert_eq!(may(Role::Auditor, None), is('N'), "{action:?} auditor, no one");
        assert!(!may(Role::Helpdesk, None), "{action:?} helpdesk, no one");
        for target in &powerful {
            assert_eq!(may(Role::Helpdesk, Some(target)), is('p'), "{action:?} {target:?}");
            assert_eq!(may(Role::Auditor, Some(target)), is('U'), "{action:?} {target:?}");
            assert!(!may(Role::User, Some(target)), "{action:?} {target:?}");
        }
    }
}

#[test]
fn administrators_and_root_may_everything_but_be_somebody_else() {
    let targets = [None, Some(other(Role::User, false)), Some(other(Role::Admin, true))];
    for action in ACTIONS {
        for target in &targets {
            let expected = !only_own(action);
            assert_eq!(allowed(&root(), action, target.as_ref()), expected, "{action:?}");
            assert_eq!(allowed(&caller(Role::Admin), action, target.as_ref()), expected);
        }
        assert!(allowed(&caller(Role::Admin), action, Some(&own())), "{action:?}");
    }
}

#[test]
fn the_first_administrator_is_set_up_by_root_alone() {
    let action = Action::AdministratorSetUp;
    assert!(allowed(&root(), action, None));
    for role in [Role::User, Role::Auditor, Role::Helpdesk, Role::Admin] {
        assert_eq!(decide(&caller(role), action, None), Decision::Deny);
    }
    assert_eq!(decide(&stranger(), action, None), Decision::Deny);
}

#[test]
fn a_stranger_gets_only_what_polkit_grants() {
    for action in ACTIONS {
        for target in [None, Some(other(Role::User, false))] {
            let decision = decide(&stranger(), action, target.as_ref());
            if only_own(action) {
                assert_eq!(decision, Decision::Deny);
            } else {
                assert!(matches!(decision, Decision::AskPolkit(_)), "{action:?}");
            }
        }
    }
}

#[test]
fn an_account_that_may_not_be_used_only_reads_itself() {
    for role in [Role::User, Role::Auditor, Role::Helpdesk, Role::Admin] {
        let mut locked = caller(role);
        if let Some(account) = &mut locked.account {
            account.active = false;
        }
        for action in ACTIONS {
            let reads = action == Action::UserRead;
            assert_eq!(allowed(&locked, action, Some(&own())), reads, "{role:?} {action:?}");
            assert!(!allowed(&locked, action, Some(&other(Role::User, false))));
            assert!(!allowed(&locked, action, None));
        }
    }
}

#[test]
fn own_means_the_same_account_and_the_same_uid() {
    // The number was another account's before: the identifier decides, too.
    let recycled = Target { id: id(9), ..own() };
    assert!(!allowed(&caller(Role::User), Action::UserRead, Some(&recycled)));
    let renumbered = Target { uid: 3001, ..own() };
    assert!(!allowed(&caller(Role::User), Action::UserRead, Some(&renumbered)));
}

fn granted(caller: &Caller, action: Action, target: Option<&Target>) -> Grant {
    match decide(caller, action, target) {
        Decision::Allow(grant) => grant,
        Decision::AskPolkit(pending) => pending.granted(),
        Decision::Deny => panic!("denied"),
    }
}

#[test]
fn a_grant_is_for_one_action_on_one_user() {
    for caller in [root(), caller(Role::Admin), caller(Role::User), stranger()] {
        let target = other(Role::User, false);
        let grant = granted(&caller, Action::UserLock, Some(&target));
        assert_eq!(grant.target(), Some(id(2)));
        for action in ACTIONS {
            for subject in [None, Some(id(1)), Some(id(2))] {
                let administrator = grant.administrator && action == Action::SudoManage;
                let given = action == Action::UserLock && subject == Some(id(2));
                assert_eq!(grant.permits(action, subject), given || administrator);
            }
        }
    }
}

#[test]
fn what_polkit_grants_gives_no_power_over_sudo_unless_that_was_granted_too() {
    let target = other(Role::User, false);
    let update = granted(&stranger(), Action::UserUpdate, Some(&target));
    assert!(!update.permits(Action::SudoManage, Some(id(2))));
    let sudo = granted(&stranger(), Action::SudoManage, Some(&target));
    let both = update.clone().and(sudo);
    assert!(both.permits(Action::SudoManage, Some(id(2))));
    assert!(both.permits(Action::UserUpdate, Some(id(2))));
    assert!(!both.permits(Action::SudoManage, Some(id(1))));
    let anybody = update.clone().and(granted(&stranger(), Action::SudoManage, None));
    assert!(anybody.permits(Action::SudoManage, Some(id(1))));
    assert!(!anybody.permits(Action::UserUpdate, Some(id(1))));
    let somebody_elses = granted(&caller(Role::User), Action::SudoManage, Some(&target));
    assert!(!update.and(somebody_elses).permits(Action::SudoManage, Some(id(2))));
}

#[test]
fn the_actor_is_named_for_the_audit_log() {
    let name = |caller: &Caller| granted(caller, Action::UserList, None).actor().name.clone();
    assert_eq!(name(&root()), "root");
    assert_eq!(name(&stranger()), "uid:1000");
    assert_eq!(name(&caller(Role::Admin)), "alice");
    let grant = granted(&root(), Action::UserList, None);
    assert_eq!(grant.actor().via, "bus");
    assert_eq!(grant.via("auth").actor().via, "auth");
}
