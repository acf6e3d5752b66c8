//! How SQLite goes about a page: what it would have to read for it.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::query::Query;
use crate::store::Store;

/// SQLite's plan for a page of that order, out of a million that match.
fn plan(order: &[&str], filters: &str, offset: u64) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("s")).unwrap();
    let options = json!({ "order_by": order });
    let query = Query::parse(filters, options.as_object().unwrap()).unwrap();
    let wanted = Wanted {
        filters: &query.filters,
        needle: None,
        order: &query.options.order_by,
        offset,
        limit: 100,
        until: Instant::now() + Duration::from_secs(60),
    };
    let mut condition = Sql::default();
    for filter in wanted.filters {
        condition.text(" WHERE ").append(&translate(filter).unwrap());
    }
    let (sql, _) = paged(&wanted, &condition, 1_000_000, 100);
    let plan = |db: Db<'_>| -> Result<Vec<String>, StoreError> {
        let mut statement = db.connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.text))?;
        let rows = statement.query_map(params_from_iter(sql.values.clone()), |row| row.get(3))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    store.read(plan).unwrap().join("; ")
}

#[test]
fn pages_in_the_usual_orders_are_read_from_an_index_alone() {
    let ends = [0, 500_000, 999_900];
    for (order, index) in [
        (&[][..], "users_in_order"),
        (&["name"], "users_in_order"),
        (&["-name", "uid"], "users_in_order"),
        (&["name", "name"], "users_in_order"),
        (&["uid"], "users_by_number"),
        (&["-uid", "email"], "users_by_number"),
        (&["email"], "users_by_address"),
        (&["email", "email", "name"], "users_by_address"),
        (&["created_at"], "users_by_creation"),
        (&["-created_at", "-name"], "users_by_creation"),
    ] {
        for offset in ends {
            let expected = format!("SCAN users USING COVERING INDEX {index}");
            assert_eq!(plan(order, "[]", offset), expected, "{order:?} {offset}");
        }
    }
}

#[test]
fn lookups_are_searches() {
    for (filter, index) in [
        (r#"[["name", "=", "alice"]]"#, "(name=?)"),
        (r#"[["uid", "=", 3000]]"#, "(uid=?)"),
        (r#"[["email", "=", "a@b.org"]]"#, "(email=?)"),
        (r#"[["name", "^", "al"]]"#, "(name>? AND name<?)"),
        (r#"[["tags", "rin", "ops"]]"#, "(tag=?)"),
    ] {
        let plan = plan(&[], filter, 999_000);
        assert!(plan.contains(index) && !plan.contains("SCAN"), "{filter}: {plan}");
    }
}

#[test]
fn keys_that_decide_nothing_are_left_out() {
    let options = json!({"order_by": ["email", "-email", "uid", "shell"]});
    let query = Query::parse("[]", options.as_object().unwrap()).unwrap();
    let names = |keys: Vec<Key<'_>>| {
        keys.into_iter()
            .map(|key| key.map_or("", |order| order.path.field.name))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(decisive(&query.options.order_by)), ["email", "uid"]);
    assert_eq!(names(decisive(&query.options.order_by[..2])), ["email", ""]);
    assert_eq!(names(decisive(&[])), [""]);
}
