//! The module behind glibc itself: getent, id and the merging of groups, through nsswitch.conf.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

use nss_tests::accounts::{group, publish, varied};
use nss_tests::installed::{by_root, install};
use nss_tests::isolated_tests;
use snapshot::writer::GroupEntry;

/// Runs a program; gives what it printed, or `None` if it failed.
fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    let output = command.output().unwrap();
    assert!(output.stderr.is_empty() || !output.status.success(), "{output:?}");
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
}

fn getent(arguments: &[&str]) -> Option<String> {
    run("getent", arguments)
}

isolated_tests! {
    fn getent_finds_our_accounts_beside_the_local_ones() {
        install();
        publish(&varied());
        let alice = "alice:x:3000:3000:User alice:/home/alice:/bin/bash";
        assert_eq!(getent(&["passwd", "alice"]).unwrap(), alice);
        assert_eq!(getent(&["passwd", "3000"]).unwrap(), alice);
        assert_eq!(getent(&["group", "4002"]).unwrap(), "e:x:4002:alice");
        assert_eq!(getent(&["shadow", "alice"]).unwrap(), "alice:*:20000:1:90:7:30:30000:");
        assert!(getent(&["shadow", "bob"]).unwrap().starts_with("bob:!*:"));
        assert!(getent(&["passwd", "root"]).unwrap().starts_with("root:x:0:0:"));
        for name in ["eve", "4294967295", "2147483648", "2999"] {
            assert_eq!(getent(&["passwd", name]), None, "{name}");
            assert_eq!(getent(&["group", name]), None, "{name}");
        }
        let all = getent(&["passwd"]).unwrap();
        assert!(all.starts_with("root:"), "{all}");
        let ours: Vec<_> = all.lines().filter(|line| line.contains(":/home/alice:")).collect();
        assert_eq!(ours, [alice]);
        assert!(all.lines().any(|line| line == "c:x:3002:3002::/home/c:/bin/bash"));
        assert!(getent(&["shadow"]).unwrap().lines().any(|line| line.starts_with("alice:*:")));
    }

    fn groups_of_etc_group_and_ours_are_merged() {
        install();
        let mut contents = varied();
        contents.groups.push(GroupEntry { external: true, ..group("adm", 4, &["alice"]) });
        publish(&contents);
        assert_eq!(getent(&["group", "sudo"]).unwrap(), "sudo:x:27:localadmin,alice,bob");
        assert_eq!(getent(&["group", "4"]).unwrap(), "adm:x:4:root,alice");
        assert_eq!(getent(&["group", "users"]).unwrap(), "users:x:100:");
        assert_eq!(getent(&["group", "team"]).unwrap(), "team:x:4000:alice,bob,root,nobody-knows");
        let all = getent(&["group"]).unwrap();
        assert_eq!(all.lines().filter(|line| line.starts_with("sudo:")).count(), 1, "{all}");
        assert_eq!(all.lines().filter(|line| line.starts_with("team:")).count(), 1, "{all}");
    }

    fn id_lists_all_groups_of_our_users_and_of_local_ones() {
        install();
        publish(&varied());
        let id = run("id", &["alice"]).unwrap();
        assert_eq!(
            id,
            "uid=3000(alice) gid=3000(alice) groups=3000(alice),4000(team),27(sudo),4002(e)"
        );
        // A user of /etc/passwd who is in a group of /etc/group and in one of ours.
        assert_eq!(run("id", &["-G", "root"]).unwrap(), "0 4 4000");
        assert_eq!(run("id", &["eve"]), None);
        assert_eq!(getent(&["initgroups", "alice"]).unwrap().split_whitespace().count(), 4);
    }

    fn a_hundred_thousand_members_are_listed_whole_and_merged() {
        install();
        let members: Vec<_> = (0..100_000).map(|at| format!("member-{at:06}")).collect();
        let members: Vec<_> = members.iter().map(String::as_str).collect();
        let mut contents = varied();
        contents.groups.push(group("crowd", 5000, &members));
        contents.groups.push(GroupEntry { external: true, ..group("adm", 4, &members) });
        publish(&contents);
        let joined = members.join(",");
        assert!(joined.len() > 1 << 20);
        assert_eq!(getent(&["group", "crowd"]).unwrap(), format!("crowd:x:5000:{joined}"));
        assert_eq!(getent(&["group", "5000"]).unwrap(), format!("crowd:x:5000:{joined}"));
        // One of /etc/group, which has a member of its own.
        assert_eq!(getent(&["group", "adm"]).unwrap(), format!("adm:x:4:root,{joined}"));
        let all = getent(&["group"]).unwrap();
        assert!(all.lines().any(|line| line.starts_with("crowd:") && line.len() > 1 << 20));
    }

    fn a_user_in_ten_thousand_groups_is_in_all_of_them() {
        install();
        let mut contents = varied();
        let further = (0..10_000).map(|at| group(&format!("g{at}"), 20_000 + at, &["alice", "root"]));
        contents.groups.extend(further);
        publish(&contents);
        let ours: Vec<_> = (20_000..30_000).map(|gid: u32| gid.to_string()).collect();
        let ours = ours.join(" ");
        assert_eq!(run("id", &["-G", "alice"]).unwrap(), format!("3000 4000 27 4002 {ours}"));
        // A local user, who is in a local group besides.
        assert_eq!(run("id", &["-G", "root"]).unwrap(), format!("0 4 4000 {ours}"));
        let names = run("id", &["-Gn", "alice"]).unwrap();
        assert!(names.starts_with("alice team sudo e g0 ") && names.ends_with(" g9999"));
    }

    fn an_absent_index_leaves_the_local_accounts_as_they_are() {
        install();
        assert!(getent(&["passwd", "root"]).unwrap().starts_with("root:x:0:0:"));
        assert_eq!(getent(&["passwd", "alice"]), None);
        assert!(getent(&["passwd"]).unwrap().lines().count() > 5);
        assert_eq!(run("id", &["-G", "root"]).unwrap(), "0 4");
        assert_eq!(getent(&["group"]).unwrap().lines().count(), 4);
    }

    fn other_users_see_accounts_and_no_shadow() {
        install();
        publish(&varied());
        if !by_root() {
            return;
        }
        let as_nobody = |arguments: &[&str]| {
            let options = ["--reuid=65534", "--regid=65534", "--clear-groups", "getent"];
            run("setpriv", &[&options, arguments].concat())
        };
        assert!(as_nobody(&["passwd", "alice"]).unwrap().starts_with("alice:x:3000:"));
        assert_eq!(as_nobody(&["shadow", "alice"]), None);
        let all = as_nobody(&["shadow"]).unwrap_or_default();
        assert!(!all.contains("alice"), "{all}");
        assert!(getent(&["shadow", "alice"]).is_some());
    }
}
