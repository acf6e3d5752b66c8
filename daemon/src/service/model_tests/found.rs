//! Sequences that the model and the service once disagreed on.

use super::agree;
use super::steps::{Fields, START, Step};

fn create(fields: Fields) -> Step {
    Step::CreateUser(Fields { name: Some("cy"), ..fields }, true)
}

#[test]
fn groups_that_roster_fills_are_nobodys_primary_group() {
    let group = Fields { group: Some("roster-2fa"), ..Fields::default() };
    agree(&[create(group.clone()), Step::UpdateUser("ann", group)]).unwrap();
}

#[test]
fn a_group_is_made_once_when_it_is_primary_and_supplementary() {
    let groups = Fields { groups: Some(vec!["cy"]), create_groups: true, ..Fields::default() };
    agree(&[create(groups)]).unwrap();
}

#[test]
fn an_account_that_expires_leaves_the_sudoers_file() {
    let rule = Step::GrantSudo("ann".to_owned(), "ALL", true, None);
    let ends = |at| {
        let fields = Fields { expires_at: Some(at), ..Fields::default() };
        Step::UpdateUser("ann", fields)
    };
    let day = 86_400;
    agree(&[rule.clone(), ends(Some(START - day)), ends(None)]).unwrap();
    agree(&[rule.clone(), ends(Some(START + day)), Step::Forward(day), ends(None)]).unwrap();
    agree(&[rule, ends(Some(START + day)), Step::Forward(day), Step::Restart]).unwrap();
}

#[test]
fn the_last_administrator_is_not_removed_by_waiting() {
    let ends = Fields { expires_at: Some(Some(START + 86_400)), ..Fields::default() };
    let admin = Fields { role: Some("admin"), ..Fields::default() };
    agree(&[
        Step::UpdateUser("bob", ends.clone()),
        create(admin),
        Step::UpdateUser("bob", ends),
        Step::DeleteUser("cy", true),
        Step::Forward(86_400),
        Step::Lock("cy", true),
    ])
    .unwrap();
}
