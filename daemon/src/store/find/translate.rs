//! Filters as SQL conditions: those that SQLite evaluates exactly as [`Filter::matches`] does.
//!
//! A condition is NULL instead of false where the record has no value; it stands under AND and OR
//! only, where that comes to the same. Values are always bound, never written into the text.

use accounts::Timestamp;
use rusqlite::types::Value as Cell;
use serde_json::Value;
use uuid::Uuid;

use super::Sql;
use super::columns::expression;
use crate::query::{Field, Filter, Kind, Op, Operand, Test};

/// The condition, or `None` when SQLite would not evaluate it in the same way.
pub(super) fn translate(filter: &Filter) -> Option<Sql> {
    match filter {
        Filter::Test(test) => self::test(test),
        Filter::Any(filters) => joined(filters, " OR ", "0"),
        Filter::All(filters) => joined(filters, " AND ", "1"),
    }
}

/// The tag, when that is all that is asked for.
pub(super) fn only_a_tag(filter: &Filter) -> Option<Cell> {
    match filter {
        Filter::Test(Test { path, op: Op::Holds, any_case: false, operand }) => match operand {
            Operand::Value(Value::String(tag)) if path.field.name == "tags" => {
                Some(Cell::Text(tag.clone()))
            }
            _ => None,
        },
        _ => None,
    }
}

fn joined(filters: &[Filter], join: &str, empty: &str) -> Option<Sql> {
    let mut sql = Sql::default();
    sql.text("(");
    for (i, filter) in filters.iter().enumerate() {
        if i > 0 {
            sql.text(join);
        }
        sql.append(&translate(filter)?);
    }
    if filters.is_empty() {
        sql.text(empty);
    }
    sql.text(")");
    Some(sql)
}

fn test(test: &Test) -> Option<Sql> {
    if test.path.field.kind == Kind::Texts {
        return membership(test);
    }
    let column = column(test)?;
    match (&test.operand, test.op) {
        (Operand::Values(values), Op::In | Op::NotIn) => {
            let cells: Option<Vec<Cell>> =
                values.iter().map(|value| cell(test.path.field, value)).collect();
            Some(list(column, test.op, cells?))
        }
        (Operand::Value(value), op) => match (op, cell(test.path.field, value)?) {
            (Op::Equal, cell) => Some(equal(column, cell)),
            (Op::NotEqual, cell) => Some(compared(column, " IS NOT ", cell)),
            // Identifiers are stored as numbers: texts only where the order is that of texts.
            _ if test.path.field.name == "id" => None,
            (Op::Above, cell) => Some(compared(column, " > ", cell)),
            (Op::AtLeast, cell) => Some(compared(column, " >= ", cell)),
            (Op::Below, cell) => Some(compared(column, " < ", cell)),
            (Op::AtMost, cell) => Some(compared(column, " <= ", cell)),
            (op, Cell::Text(part)) if test.path.field.kind == Kind::Text => {
                part_of(column, op, part)
            }
            _ => None,
        },
        _ => None,
    }
}

/// What is compared; `None` where SQLite's idea of lower case is not ours.
fn column(test: &Test) -> Option<&'static str> {
    let field = test.path.field;
    match (field.kind, test.any_case) {
        // A mode is stored as a number and shown as text.
        (Kind::Mode | Kind::Texts | Kind::Free, _) => None,
        (Kind::Text, true) => match field.name {
            // Lower case by their rules.
            "id" | "name" | "role" => expression(field),
            // ASCII by its rules.
            "email" => Some("lower(email)"),
            _ => None,
        },
        _ => expression(field),
    }
}

/// A value as the column stores it.
fn cell(field: Field, value: &Value) -> Option<Cell> {
    Some(match (field.kind, value) {
        (_, Value::Null) => Cell::Null,
        (Kind::Text, Value::String(text)) if field.name == "id" => {
            // Any other form of it is another text, which no record shows.
            let id = Uuid::parse_str(text).ok().filter(|id| id.to_string() == *text);
            Cell::Blob(id.map_or_else(Vec::new, |id| id.as_bytes().to_vec()))
        }
        (Kind::Text, Value::String(text)) => Cell::Text(text.clone()),
        (Kind::Number, Value::Number(number)) => Cell::Integer(number.as_i64()?),
        (Kind::Flag, Value::Bool(flag)) => Cell::Integer(i64::from(*flag)),
        // A part of a date is no date, and left to the text that is shown.
        (Kind::Time, Value::String(text)) => Cell::Integer(Timestamp::parse(text).ok()?.0),
        _ => return None,
    })
}

fn equal(column: &str, cell: Cell) -> Sql {
    if cell == Cell::Null {
        return fixed(&format!("{column} IS NULL"));
    }
    compared(column, " = ", cell)
}

fn compared(column: &str, operator: &str, cell: Cell) -> Sql {
    let mut sql = Sql::default();
    sql.text(column).text(operator).value(cell);
    sql
}

fn fixed(text: &str) -> Sql {
    Sql { text: text.to_owned(), values: Vec::new() }
}

fn list(column: &str, op: Op, cells: Vec<Cell>) -> Sql {
    let absent = cells.contains(&Cell::Null);
    let cells: Vec<Cell> = cells.into_iter().filter(|cell| *cell != Cell::Null).collect();
    let mut sql = Sql::default();
    sql.text("(");
    match (op, absent) {
        (Op::In, true) => sql.text(column).text(" IS NULL OR "),
        (Op::NotIn, false) => sql.text(column).text(" IS NULL OR "),
        (Op::NotIn, true) => sql.text(column).text(" IS NOT NULL AND "),
        _ => &mut sql,
    };
    sql.text(column).text(if op == Op::In { " IN (" } else { " NOT IN (" });
    for (i, cell) in cells.into_iter().enumerate() {
        if i > 0 {
            sql.text(", ");
        }
        sql.value(cell);
    }
    sql.text("))");
    sql
}

fn part_of(column: &str, op: Op, part: String) -> Option<Sql> {
    let negated = matches!(op, Op::NotBegins | Op::NotEnds | Op::HoldsNot);
    if part.is_empty() {
        // Every text begins with, ends with and holds the empty one.
        return Some(fixed(&if negated {
            "0".to_owned()
        } else {
            format!("{column} IS NOT NULL")
        }));
    }
    let mut sql = Sql::default();
    match op {
        Op::Begins | Op::NotBegins => {
            // A range, so that an index serves.
            let end = after(&part);
            sql.text(if negated { "NOT (" } else { "(" });
            sql.text(column).text(" >= ").value(Cell::Text(part));
            if let Some(end) = end {
                sql.text(" AND ").text(column).text(" < ").value(Cell::Text(end));
            }
            sql.text(")");
        }
        Op::Ends | Op::NotEnds => {
            let length = part.chars().count();
            sql.text(&format!("substr({column}, -{length})"));
            sql.text(if negated { " <> " } else { " = " }).value(Cell::Text(part));
        }
        Op::Holds | Op::HoldsNot => {
            sql.text("instr(").text(column).text(", ").value(Cell::Text(part));
            sql.text(if negated { ") = 0" } else { ") > 0" });
        }
        _ => return None,
    }
    Some(sql)
}

/// The first text after all that begin with `part`; `None` when nothing comes after them.
fn after(part: &str) -> Option<String> {
    let mut part = part.to_owned();
    while let Some(last) = part.pop() {
        let mut above = (last..=char::MAX).skip(1);
        if let Some(next) = above.next() {
            part.push(next);
            return Some(part);
        }
    }
    None
}

fn membership(test: &Test) -> Option<Sql> {
    let Operand::Value(Value::String(name)) = &test.operand else { return None };
    let negated = match test.op {
        Op::Holds => "",
        Op::HoldsNot => "NOT ",
        _ => return None,
    };
    if test.any_case {
        return None;
    }
    let mut sql = Sql::default();
    match test.path.field.name {
        "tags" => {
            sql.text("id ").text(negated);
            sql.text("IN (SELECT user_id FROM user_tags WHERE tag = ");
            sql.value(Cell::Text(name.clone())).text(")");
        }
        "groups" => {
            sql.text("id ").text(negated);
            sql.text(
                "IN (SELECT members.user_id FROM groups JOIN members ON members.group_id = groups.id \
                 WHERE groups.name = ",
            );
            sql.value(Cell::Text(name.clone()));
            sql.text(" UNION ALL SELECT user_id FROM host_group_members WHERE group_name = ");
            sql.value(Cell::Text(name.clone())).text(")");
        }
        _ => return None,
    }
    Some(sql)
}
