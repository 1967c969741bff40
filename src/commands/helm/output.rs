//! How helm prints: `-o table|json|yaml`, and its tables.

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::helm::{json, yaml};
use crate::report::printer::Printer;

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// For programs
    Json,
    /// For programs
    Yaml,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, Args)]
pub struct OutputArgs {
    /// Prints the output in the specified format
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

impl OutputArgs {
    /// Prints a value as JSON or YAML; a table is made only when it is asked for.
    pub fn print(self, printer: &Printer, value: &Value, table: impl FnOnce() -> String) {
        match self.output {
            Output::Table => text(printer, &table()),
            Output::Json => printer.data(&json::write(value)),
            Output::Yaml => text(printer, &yaml::write(value)),
        }
    }
}

/// Prints a text that ends with its own line break; an empty one prints nothing.
pub fn text(printer: &Printer, text: &str) {
    if !text.is_empty() {
        printer.data(text.strip_suffix('\n').unwrap_or(text));
    }
}

/// Rows of cells under each other, as wide as the widest, with a tab between columns.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect::<Vec<_>>().join("\t")
    };
    let lines: Vec<String> = rows.iter().map(line).collect();
    format!("{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_as_wide_as_its_column() {
        let rows = [vec!["NAME".to_owned(), "X".to_owned()], vec!["é".to_owned(), "long".to_owned()]];
        assert_eq!(table(&rows), "NAME\tX   \né   \tlong\n");
        assert_eq!(table(&[]), "\n");
    }
}
