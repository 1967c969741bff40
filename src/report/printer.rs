//! The only place that prints: data to stdout, talk to stderr. Whatever looks like a secret in talk is hidden.

use std::io::{self, IsTerminal, Write};

use crate::failure::Failure;
use crate::redact;

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Warnings and errors.
    Quiet,
    /// What happens.
    #[default]
    Normal,
    /// Also how.
    Verbose,
}

/// Hands out the two streams. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Printer {
    verbosity: Verbosity,
    color: bool,
    github: bool,
}

impl Printer {
    /// A printer for the current process: colour on a terminal unless `NO_COLOR` is set, `::error::` lines
    /// under GitHub Actions.
    pub fn from_env(verbosity: Verbosity) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            verbosity,
            color: io::stderr().is_terminal() && !no_color,
            github: std::env::var_os("GITHUB_ACTIONS").is_some(),
        }
    }

    /// Data, to stdout, with a final newline. A closed pipe ends quietly.
    pub fn data(&self, text: &str) {
        let _ = writeln!(io::stdout().lock(), "{text}");
    }

    /// Data, to stdout, as it is and at once. A closed pipe ends quietly.
    pub fn text(&self, text: &str) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    }

    /// Data that takes the place of what was shown before it, on a terminal; elsewhere it follows it.
    pub fn frame(&self, text: &str) {
        let clear = if io::stdout().is_terminal() { "\x1b[H\x1b[2J" } else { "" };
        self.text(&format!("{clear}{text}\n"));
    }

    /// How much is said.
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// One line of talk, to stderr, unless quiet.
    pub fn line(&self, text: &str) {
        if self.verbosity != Verbosity::Quiet {
            say(text);
        }
    }

    /// Whether a line on stderr may move.
    pub fn draws(&self) -> bool {
        io::stderr().is_terminal() && !self.github && self.verbosity != Verbosity::Quiet
    }

    /// Opens a group in the log of GitHub Actions, closing the one before.
    pub fn group(&self, title: &str, first: bool) {
        if self.github {
            if !first {
                self.end_group();
            }
            self.line(&format!("::group::{title}"));
        }
    }

    /// Closes the group.
    pub fn end_group(&self) {
        if self.github {
            self.line("::endgroup::");
        }
    }

    /// A warning, to stderr.
    pub fn warn(&self, text: &str) {
        say(&format!("{} {text}", self.paint("33", "warning:")));
    }

    /// The failure that ends the program: the first cause first, then its causes, then what to do next.
    pub fn failure(&self, failure: &Failure) {
        let chain = failure.chain();
        if self.github {
            say(&format!("::error::{}", chain.join(": ").replace('\n', "%0A")));
        }
        if failure.is_in_helm_form() {
            say(&format!("Error: {}", chain.join(": ")));
        } else {
            say(&format!("{} {}", self.paint("31;1", "error:"), chain[0]));
            chain[1..].iter().for_each(|cause| say(&format!("  caused by: {cause}")));
        }
        for hint in failure.hints() {
            say(&format!("{} {hint}", self.paint("36", "hint:")));
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// The lines of `--verbose`, to stderr: what libraries log is hidden like all other talk.
#[derive(Debug, Clone, Copy)]
pub struct LogLines;

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        say(String::from_utf8_lossy(bytes).trim_end_matches('\n'));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A closed stream ends quietly.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", redact::text(text));
}
