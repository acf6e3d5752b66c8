//! The directions that dependencies may go, read off `cargo metadata`: what the design says about each
//! folder, and what must never be linked into other people's processes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Every crate of the workspace, and which others of the workspace it may use (normal and build
/// dependencies; a test may use more).
const ALLOWED: &[(&str, &[&str])] = &[
    ("accounts", &[]),
    ("snapshot", &[]),
    ("auth_protocol", &[]),
    ("bus", &["accounts"]),
    ("mail_protocol", &["accounts"]),
    ("authorized_keys", &["snapshot"]),
    ("nss_roster", &["snapshot"]),
    ("pam_roster", &["auth_protocol", "snapshot"]),
    ("rosterd", &["accounts", "snapshot", "auth_protocol", "bus", "mail_protocol"]),
    ("roster_mailer", &["mail_protocol"]),
    ("roster", &["accounts", "bus"]),
    ("roster_tests", &["accounts", "snapshot", "auth_protocol", "bus"]),
    ("nss_reference", &["snapshot"]),
    ("nss_tests", &["snapshot"]),
    ("login_bench", &["auth_protocol", "bus"]),
];

/// Crates that may not be anywhere below another, however many steps away.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("nss_roster", &["zbus", "rusqlite", "libsqlite3-sys", "tokio", "async-io", "serde", "libnss"]),
    ("pam_roster", &["zbus", "rusqlite", "libsqlite3-sys", "tokio", "async-io", "libnss"]),
    ("authorized_keys", &["zbus", "rusqlite", "libsqlite3-sys", "tokio", "async-io", "libnss"]),
    ("accounts", &["zbus", "rusqlite", "tokio", "nix", "rustix"]),
    ("auth_protocol", &["zbus", "rusqlite", "tokio"]),
    ("roster", &["rusqlite", "libsqlite3-sys", "libnss"]),
    ("rosterd", &["libnss", "rustls"]),
    ("roster_mailer", &["zbus", "rusqlite", "libsqlite3-sys", "tokio", "snapshot"]),
];

struct Graph {
    members: BTreeSet<String>,
    uses: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// The graph that is really built, by crate name.
    fn read() -> Graph {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--locked"])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();

        let names: BTreeMap<&str, &str> = list(&metadata["packages"])
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let members =
            list(&metadata["workspace_members"]).map(|id| names[text(id)].to_owned()).collect();
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let below = uses.entry(names[text(&node["id"])].to_owned()).or_default();
            for dependency in list(&node["deps"]) {
                let linked = list(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev");
                if linked {
                    below.insert(names[text(&dependency["pkg"])].to_owned());
                }
            }
        }
        Graph { members, uses }
    }

    fn everything_below(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![name.to_owned()];
        while let Some(next) = open.pop() {
            for below in self.uses.get(&next).into_iter().flatten() {
                if found.insert(below.clone()) {
                    open.push(below.clone());
                }
            }
        }
        found
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn crates_of_the_workspace_use_only_what_the_design_lets_them() {
    let graph = Graph::read();
    let known: BTreeSet<String> = ALLOWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(graph.members, known, "a new crate needs its line in this test");
    for (name, allowed) in ALLOWED {
        let ours = graph.uses[*name].intersection(&graph.members);
        let wrong: Vec<&String> = ours.filter(|below| !allowed.contains(&below.as_str())).collect();
        assert!(wrong.is_empty(), "{name} must not depend on {wrong:?}");
    }
}

#[test]
fn what_other_processes_load_stays_free_of_heavy_libraries() {
    let graph = Graph::read();
    for (name, forbidden) in FORBIDDEN {
        let below = graph.everything_below(name);
        let wrong: Vec<&&str> = forbidden.iter().filter(|name| below.contains(**name)).collect();
        assert!(wrong.is_empty(), "{name} must not contain {wrong:?}");
    }
}

/// The graph must see a real edge, or the tests above prove nothing.
#[test]
fn the_graph_is_not_empty() {
    let graph = Graph::read();
    assert!(graph.everything_below("rosterd").contains("libsqlite3-sys"));
    assert!(graph.everything_below("nss_roster").contains("snapshot"));
}
