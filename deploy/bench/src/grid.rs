//! Tables, for a terminal and for a page.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

/// A table, of which all columns but the first `words` hold numbers.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// What it shows.
    pub title: String,
    /// How many columns hold words.
    pub words: usize,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
}

impl Grid {
    /// An empty table.
    pub fn new(title: impl Into<String>, words: usize, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Self { title: title.into(), words, columns, rows: Vec::new() }
    }

    /// As a terminal shows it, below its title.
    pub fn text(&self) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(&self.columns);
        for column in table.column_iter_mut().skip(self.words) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.add_rows(&self.rows);
        format!("{}\n{}\n", self.title, table.trim_fmt())
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let ruler: Vec<&str> = (0..self.columns.len()).map(|at| if at < self.words { "---" } else { "---:" }).collect();
        let rows: String = self.rows.iter().map(|cells| row(cells)).collect();
        format!("{}|{}|\n{rows}", row(&self.columns), ruler.join("|"))
    }
}
