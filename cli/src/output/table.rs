//! Rows of text in columns, no wider than the terminal: what can be done without goes first, then
//! the widest columns are cut. Records are folded, not cut.

use super::text::{fit, fold, width};

const GAP: usize = 2;
/// No column is cut below this.
const NARROWEST: usize = 3;
/// Below this a column says too little to be worth its place.
const LEGIBLE: usize = 8;

/// Lays out rows below their headings, of which `ranks` says how early each is done without: the
/// highest first. `columns` is the terminal's width; `None` cuts and leaves out nothing.
#[must_use]
pub fn table(
    headings: &[&str],
    ranks: &[u8],
    rows: &[Vec<String>],
    columns: Option<usize>,
) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|heading| width(heading)).collect();
    let headed = widths.clone();
    for row in rows {
        for (wide, cell) in widths.iter_mut().zip(row) {
            *wide = (*wide).max(width(cell));
        }
    }
    let mut shown: Vec<usize> = (0..headings.len()).collect();
    if let Some(columns) = columns {
        let least =
            widths.iter().zip(headed).map(|(wide, headed)| (*wide).min(LEGIBLE).max(headed));
        let mut least: Vec<usize> = least.collect();
        leave_out(&mut shown, &least, ranks, columns);
        widths = shown.iter().map(|column| widths[*column]).collect();
        least = shown.iter().map(|column| least[*column]).collect();
        narrow(&mut widths, &least, columns);
        narrow(&mut widths, &vec![NARROWEST; shown.len()], columns);
    }
    let mut out = String::new();
    line(&mut out, shown.iter().map(|column| headings[*column]), &widths);
    for row in rows {
        let cells = shown.iter().map(|column| row.get(*column).map_or("", String::as_str));
        line(&mut out, cells, &widths);
    }
    out
}

/// Leaves out columns until those that stay can all be read; two stay in any case.
fn leave_out(shown: &mut Vec<usize>, least: &[usize], ranks: &[u8], columns: usize) {
    let needed = |shown: &[usize]| {
        let widths: usize = shown.iter().map(|column| least[*column]).sum();
        widths + GAP * shown.len().saturating_sub(1)
    };
    while shown.len() > 2 && needed(shown) > columns {
        // Of equals the last.
        let rank = |at: &usize| ranks.get(shown[*at]).copied().unwrap_or(0);
        let Some(first) = (0..shown.len()).max_by_key(rank) else { return };
        shown.remove(first);
    }
}

/// Lays out names and values, one pair a line; a pair without a name is an empty line. A value that
/// does not fit goes on below itself.
#[must_use]
pub fn pairs(pairs: &[(&str, String)], columns: Option<usize>) -> String {
    let mut names = pairs.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let mut values = usize::MAX;
    if let Some(columns) = columns {
        values = columns.saturating_sub(names + GAP);
        if values < LEGIBLE {
            names = names.min(columns / 3).max(NARROWEST);
            values = columns.saturating_sub(names + GAP).max(NARROWEST);
        }
    }
    let mut out = String::new();
    for (name, value) in pairs {
        let mut name = fit(name, names);
        for part in fold(value, values) {
            line(&mut out, [name.as_ref(), part].into_iter(), &[names, width(part)]);
            name = "".into();
        }
    }
    out
}

/// Takes from the widest column until all fit, or none may become narrower.
fn narrow(widths: &mut [usize], least: &[usize], columns: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > columns {
        let wider = widths.iter_mut().zip(least).filter(|(wide, least)| **wide > **least);
        let Some((widest, _)) = wider.max_by_key(|(wide, _)| **wide) else { return };
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
            table(&["NAME", "UID", "FULL NAME"], &[], &rows, None),
            "NAME   UID   FULL NAME\nalice  3000  Alice Ng\nli     3001  李小龍\n"
        );
    }

    #[test]
    fn the_widest_column_gives_way_on_a_narrow_terminal() {
        let rows = [row(&["alice", "3000", &"x".repeat(300)])];
        let out = table(&["NAME", "UID", "FULL NAME"], &[], &rows, Some(40));
        assert!(out.lines().all(|line| width(line) <= 40), "{out}");
        assert!(out.contains("alice  3000  xxx") && out.contains('…'), "{out}");
    }

    #[test]
    fn no_line_ends_in_blanks_and_empty_cells_keep_their_place() {
        let rows = [row(&["a", "", "z"]), row(&["b", "", ""])];
        assert_eq!(table(&["A", "B", "C"], &[], &rows, None), "A  B  C\na     z\nb\n");
    }

    #[test]
    fn a_terminal_too_narrow_for_anything_does_not_loop() {
        let rows = [row(&["a".repeat(20).as_str(), "b".repeat(20).as_str()])];
        let out = table(&["A", "B"], &[], &rows, Some(3));
        assert_eq!(out.lines().count(), 2);
    }

    #[test]
    fn pairs_line_up_and_are_folded() {
        let pairs = [
            ("name", "alice".to_owned()),
            ("", String::new()),
            ("tags", "one, two, three".to_owned()),
        ];
        let out = super::pairs(&pairs, Some(15));
        assert_eq!(out, "name  alice\n\ntags  one, two,\n      three\n");
        assert_eq!(super::pairs(&pairs, None), "name  alice\n\ntags  one, two, three\n");
    }

    /// Long, wide and combining text, as a store may hold it.
    fn hostile() -> Vec<String> {
        [
            "x".repeat(300),
            "李小龍".repeat(60),
            "👩🏽\u{fe0f}❤\u{fe0f}".repeat(40),
            "e\u{301}\u{323}".repeat(200),
            "🇩🇪 ".repeat(50),
            "1\u{fe0f}\u{20e3}".repeat(50),
            String::new(),
            "a, b c".to_owned(),
        ]
        .to_vec()
    }

    #[test]
    fn everything_fits_every_width_and_nothing_is_cut_without_one() {
        let headings = ["A", "B", "C", "D", "E", "F", "G", "H"];
        let mut turned = hostile();
        turned.rotate_left(3);
        let rows = [hostile(), turned];
        let named: Vec<_> = headings.iter().copied().zip(hostile()).collect();
        for columns in [3, 10, 40, 80, 120, 200] {
            let tabled = table(&headings, &[], &rows, Some(columns));
            let folded = super::pairs(&named, Some(columns));
            for line in tabled.lines().chain(folded.lines()) {
                let least = columns.max(2 * NARROWEST + GAP);
                assert!(width(line) <= least, "{columns}: {} {line}", width(line));
            }
        }
        let whole = table(&headings, &[], &rows, None);
        assert!(hostile().iter().all(|cell| whole.contains(cell.as_str())));
        let whole = super::pairs(&named, None);
        assert!(hostile().iter().all(|cell| whole.contains(cell.as_str())));
        // What is folded is all there.
        let folded = super::pairs(&[("key", "x".repeat(300))], Some(40));
        assert_eq!(folded.matches('x').count(), 300);
    }

    #[test]
    fn what_can_be_done_without_goes_before_anything_is_illegible() {
        let rows = [row(&["alice", "3000", "developers", "Alice Ng-Berg", "/bin/bash"])];
        let headings = ["NAME", "UID", "GROUP", "FULL NAME", "SHELL"];
        let shown = |columns| {
            let out = table(&headings, &[0, 0, 2, 1, 3], &rows, Some(columns));
            out.lines().next().unwrap_or_default().to_owned()
        };
        assert_eq!(shown(80), "NAME   UID   GROUP       FULL NAME      SHELL");
        assert_eq!(shown(42), "NAME   UID   GROUP     FULL NAME  SHELL");
        assert_eq!(shown(40), "NAME   UID   GROUP       FULL NAME");
        assert_eq!(shown(22), "NAME   UID   FULL NAME");
        assert_eq!(shown(9), "NAME  UID");
    }
}
