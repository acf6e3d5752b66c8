//! Rows of text in columns, no wider than the terminal.

use super::text::{fit, width};

const GAP: usize = 2;
/// No column is cut below this.
const NARROWEST: usize = 3;

/// Lays out rows below their headings. `columns` is the terminal's width; `None` cuts nothing.
#[must_use]
pub fn table(headings: &[&str], rows: &[Vec<String>], columns: Option<usize>) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|heading| width(heading)).collect();
    for row in rows {
        for (wide, cell) in widths.iter_mut().zip(row) {
            *wide = (*wide).max(width(cell));
        }
    }
    if let Some(columns) = columns {
        narrow(&mut widths, columns);
    }
    let mut out = String::new();
    line(&mut out, headings.iter().copied(), &widths);
    for row in rows {
        line(&mut out, row.iter().map(String::as_str), &widths);
    }
    out
}

/// Lays out names and values, one pair a line. A value that does not fit is cut.
#[must_use]
pub fn pairs(pairs: &[(&str, String)], columns: Option<usize>) -> String {
    let names = pairs.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let mut widths = [names, pairs.iter().map(|(_, value)| width(value)).max().unwrap_or(0)];
    if let Some(columns) = columns {
        widths[1] = widths[1].min(columns.saturating_sub(names + GAP).max(NARROWEST));
    }
    let mut out = String::new();
    for (name, value) in pairs {
        line(&mut out, [*name, value.as_str()].into_iter(), &widths);
    }
    out
}

/// Takes from the widest column until all fit, or none may become narrower.
fn narrow(widths: &mut [usize], columns: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > columns {
        let Some(widest) = widths.iter_mut().filter(|wide| **wide > NARROWEST).max_by_key(|w| **w)
        else {
            return;
        };
        *widest -= 1;
    }
}

fn line<'a>(out: &mut String, cells: impl Iterator<Item = &'a str>, widths: &[usize]) {
    let mut pending = 0;
    for (cell, wide) in cells.zip(widths) {
        let cell = fit(cell, *wide);
        // Blanks are written before the next cell only: no line ends in blanks.
        if !cell.is_empty() {
            out.extend(std::iter::repeat_n(' ', pending));
            pending = 0;
            out.push_str(&cell);
        }
        pending += wide.saturating_sub(width(&cell)) + GAP;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_line_up_with_wide_characters_too() {
        let rows = [row(&["alice", "3000", "Alice Ng"]), row(&["li", "3001", "李小龍"])];
        assert_eq!(
            table(&["NAME", "UID", "FULL NAME"], &rows, None),
            "NAME   UID   FULL NAME\nalice  3000  Alice Ng\nli     3001  李小龍\n"
        );
    }

    #[test]
    fn the_widest_column_gives_way_on_a_narrow_terminal() {
        let rows = [row(&["alice", "3000", &"x".repeat(300)])];
        let out = table(&["NAME", "UID", "FULL NAME"], &rows, Some(40));
        assert!(out.lines().all(|line| width(line) <= 40), "{out}");
        assert!(out.contains("alice  3000  xxx") && out.contains('…'), "{out}");
    }

    #[test]
    fn no_line_ends_in_blanks_and_empty_cells_keep_their_place() {
        let rows = [row(&["a", "", "z"]), row(&["b", "", ""])];
        assert_eq!(table(&["A", "B", "C"], &rows, None), "A  B  C\na     z\nb\n");
    }

    #[test]
    fn a_terminal_too_narrow_for_anything_does_not_loop() {
        let rows = [row(&["a".repeat(20).as_str(), "b".repeat(20).as_str()])];
        let out = table(&["A", "B"], &rows, Some(3));
        assert_eq!(out.lines().count(), 2);
    }

    #[test]
    fn pairs_line_up_and_are_cut() {
        let pairs = [("name", "alice".to_owned()), ("full name", "y".repeat(50))];
        let out = super::pairs(&pairs, Some(20));
        assert!(out.starts_with("name       alice\nfull name  yyyyyyyy…\n"), "{out}");
    }
}
