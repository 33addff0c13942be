//! Columns for people: no boxes, no wrapping, so that lines can be cut and searched.

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table as Columns, TableStyle};

use crate::escape::escape;
use crate::output::Output;

/// The most characters of one cell in a table that is not wide.
const CELL_MAX_CHARS: usize = 60;

/// A table with named columns.
#[derive(Debug)]
pub struct Table {
    columns: Columns,
    output: Output,
}

impl Table {
    /// An empty table. `headers` are shown in capitals.
    #[must_use]
    pub fn new(output: Output, headers: &[&str]) -> Self {
        let mut columns = Columns::new();
        columns.load_style(TableStyle::new());
        columns.set_content_arrangement(ContentArrangement::Disabled);
        if output.styled {
            columns.enforce_styling();
        } else {
            columns.force_no_tty();
        }
        columns.set_header(
            headers
                .iter()
                .map(|header| Cell::new(header.to_uppercase()).add_attribute(Attribute::Bold)),
        );
        Self { columns, output }
    }

    /// Adds a line; the cells are escaped here, and shortened unless the table is wide.
    pub fn add(&mut self, cells: &[String]) {
        let wide = self.output.is_wide();
        self.columns.add_row(cells.iter().map(|cell| {
            let text = if wide { escape(cell) } else { shortened(&escape(cell)) };
            match cell.as_str() {
                "live" | "ready" => Cell::new(text).fg(Color::Green),
                "stale" | "stalled" | "expired" | "failed" | "lost" | "draining" => {
                    Cell::new(text).fg(Color::Yellow)
                }
                _ => Cell::new(text),
            }
        }));
    }

    /// The lines, without blanks at their ends.
    #[must_use]
    pub fn render(mut self) -> String {
        for column in self.columns.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut text = String::new();
        for line in self.columns.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn shortened(text: &str) -> String {
    if text.chars().nth(CELL_MAX_CHARS).is_none() {
        return text.to_owned();
    }
    text.chars().take(CELL_MAX_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Format;

    fn rendered(format: Format, cell: &str) -> String {
        let mut table =
            Table::new(Output { format, styled: false, redraws: false }, &["one", "two"]);
        table.add(&[cell.to_owned(), "x".to_owned()]);
        table.render()
    }

    #[test]
    fn a_table_is_plain_lines_without_boxes() {
        assert_eq!(rendered(Format::Table, "live"), "ONE   TWO\nlive  x\n");
    }

    #[test]
    fn a_hostile_cell_stays_one_escaped_cell() {
        let text = rendered(Format::Table, "a\n\u{1b}[2Jb\u{202e}");
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains(r"a\n\u{1b}[2Jb\u{202e}  x"), "{text}");
    }

    #[test]
    fn long_cells_are_shortened_unless_wide() {
        let long = "y".repeat(200);
        assert!(rendered(Format::Table, &long).contains("y…  x"));
        assert!(rendered(Format::Wide, &long).contains(&long));
    }
}
