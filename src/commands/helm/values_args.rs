//! The arguments that give values, for every verb that renders a chart.

use std::fs;
use std::io::{self, Read};

use clap::Args;

use crate::failure::Failure;
use crate::helm::values::{Values, ValuesOptions};

/// The arguments.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Values")]
pub struct ValuesArgs {
    /// Specify values in a YAML file, or `-` for standard input (can specify multiple)
    #[arg(short = 'f', long, value_name = "FILE", value_delimiter = ',', allow_hyphen_values = true)]
    pub values: Vec<String>,
    /// Set values on the command line (can specify multiple or separate values with commas:
    /// key1=val1,key2=val2)
    #[arg(long, value_name = "KEY=VALUE", allow_hyphen_values = true)]
    pub set: Vec<String>,
    /// Set STRING values on the command line
    #[arg(long, value_name = "KEY=VALUE", allow_hyphen_values = true)]
    pub set_string: Vec<String>,
    /// Set JSON values on the command line (key1=jsonval1,key2=jsonval2, or a whole object)
    #[arg(long, value_name = "KEY=JSON", allow_hyphen_values = true)]
    pub set_json: Vec<String>,
    /// Set values from respective files (key1=path1,key2=path2)
    #[arg(long, value_name = "KEY=FILE", allow_hyphen_values = true)]
    pub set_file: Vec<String>,
    /// Set a literal STRING value on the command line
    #[arg(long, value_name = "KEY=TEXT", allow_hyphen_values = true)]
    pub set_literal: Vec<String>,
}

impl ValuesArgs {
    /// Reads and merges the user's values. Reads files and standard input.
    pub fn read(&self) -> Result<Values, Failure> {
        let options = ValuesOptions {
            files: self.values.clone(),
            json: self.set_json.clone(),
            set: self.set.clone(),
            strings: self.set_string.clone(),
            set_files: self.set_file.clone(),
            literals: self.set_literal.clone(),
        };
        Ok(options.values(&mut read_file)?)
    }
}

fn read_file(path: &str) -> Result<Vec<u8>, String> {
    if path.trim() == "-" {
        let mut text = Vec::new();
        return io::stdin()
            .read_to_end(&mut text)
            .map(|_| text)
            .map_err(|error| format!("read standard input: {error}"));
    }
    if ["http://", "https://", "oci://"].iter().any(|scheme| path.starts_with(scheme)) {
        return Err(format!("{path}: values from a URL are not supported: download the file and name it"));
    }
    fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("open {path}: no such file or directory"),
        io::ErrorKind::IsADirectory => format!("read {path}: is a directory"),
        _ => format!("open {path}: {error}"),
    })
}
