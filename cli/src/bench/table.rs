//! Tables for people: the first column to the left, figures to the right.

/// Returns the lines of a table; every row has as many cells as the first.
pub(crate) fn lines<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    rows.iter().map(|row| line(row, &widths)).collect()
}

/// Returns one line, its cells as wide as they are told.
pub(crate) fn line<const COLUMNS: usize>(cells: &[String; COLUMNS], widths: &[usize; COLUMNS]) -> String {
    let mut line = format!("{:<width$}", cells[0], width = widths[0]);
    for (cell, width) in cells.iter().zip(widths).skip(1) {
        line.push_str(&format!("  {cell:>width$}"));
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_under_each_other() {
        let rows = [["endpoint", "ms"], ["/logs", "1.25"], ["/a", "100.00"]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(lines(&rows), ["endpoint      ms", "/logs       1.25", "/a        100.00"]);
    }
}
