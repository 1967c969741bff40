//! The one place of the sandbox that prints: progress to stderr, data to stdout.

use std::io::{self, Write};

/// One line of progress, to stderr.
pub fn line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Data, to stdout, with a final newline. A closed pipe ends quietly.
pub fn data(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}
