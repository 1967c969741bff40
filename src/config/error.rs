//! What is wrong with `release.yaml` or with what was selected from it: file, line, and the nearest right
//! name.

use std::fmt;
use std::path::PathBuf;

use crate::redact;

/// Where something stands in a file. Lines and columns count from 1; line 0 is "nowhere in particular".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Location {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters it takes.
    pub length: usize,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub location: Location,
    /// What, and what would be right.
    pub message: String,
}

/// Why there are no settings to work with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("read the configuration `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file is wrong in these places.
    #[error("{}", Report { path, text, problems })]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Its text.
        text: String,
        /// What is wrong, in the order of the file; never empty.
        problems: Vec<Problem>,
    },
    /// What was selected does not fit the file.
    #[error("{message}")]
    Selection {
        /// What does not fit, and what would.
        message: String,
    },
}

impl ConfigError {
    /// How many things are wrong.
    pub fn count(&self) -> usize {
        match self {
            ConfigError::Invalid { problems, .. } => problems.len(),
            ConfigError::Unreadable { .. } | ConfigError::Selection { .. } => 1,
        }
    }
}

/// All problems with the lines that they are on.
struct Report<'a> {
    path: &'a PathBuf,
    text: &'a str,
    problems: &'a [Problem],
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            self.problem(f, problem)?;
        }
        Ok(())
    }
}

impl Report<'_> {
    /// `file:line:column: message`, then the line with the place underlined.
    fn problem(&self, f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
        let Location { line, column, length } = problem.location;
        let Some(text) = line.checked_sub(1).and_then(|index| self.text.lines().nth(index)) else {
            return write!(f, "{}: {}", self.path.display(), problem.message);
        };
        let margin = " ".repeat(line.to_string().len());
        let rest = text.chars().count().saturating_sub(column - 1);
        let marks = "^".repeat(length.clamp(1, rest.max(1)));
        writeln!(f, "{}:{line}:{column}: {}", self.path.display(), problem.message)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{line} | {}", without_secrets(text))?;
        write!(f, "{margin} | {}{marks}", " ".repeat(column - 1))
    }
}

/// The line without secrets, each character replaced by a star: what follows a key like `password` and is no
/// `{ env: NAME }`, and what looks like a secret anywhere. A secret that should not be in the file must not be
/// printed either.
fn without_secrets(line: &str) -> String {
    let mut shown: Vec<char> = redact::same_width(line).chars().collect();
    for colon in 0..shown.len() {
        if shown[colon] == ':' && names_a_secret(&shown[..colon]) && !is_reference(&shown[colon + 1..]) {
            hide(&mut shown[colon + 1..]);
        }
    }
    shown.into_iter().collect()
}

fn names_a_secret(before_colon: &[char]) -> bool {
    let is_name = |c: &&char| c.is_alphanumeric() || **c == '-' || **c == '_';
    let name: String = before_colon.iter().rev().skip_while(|c| !is_name(c)).take_while(is_name).collect();
    let name: String = name.chars().rev().collect::<String>().to_lowercase();
    ["pass", "token", "secret"].iter().any(|part| name.contains(part))
        || nearest(&name, ["password", "token"]).is_some()
}

fn is_reference(after_colon: &[char]) -> bool {
    after_colon.iter().find(|c| !c.is_whitespace()).is_none_or(|c| *c == '{')
}

fn hide(text: &mut [char]) {
    text.iter_mut().filter(|c| !c.is_whitespace()).for_each(|c| *c = '*');
}

/// "; did you mean `x`?", when one of the known names is near.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

/// The known name that is most like the given one, if any is.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|known| (strsim::jaro_winkler(name, known), known));
    scored.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_shown_and_the_place_underlined() {
        let error = ConfigError::Invalid {
            path: "release.yaml".into(),
            text: "charts:\n  x: { sorce: y }\n".into(),
            problems: vec![
                Problem {
                    location: Location { line: 2, column: 8, length: 5 },
                    message: "unknown key `sorce`".into(),
                },
                Problem { location: Location::default(), message: "missing key `clusters`".into() },
            ],
        };
        insta::assert_snapshot!(error, @"
        release.yaml:2:8: unknown key `sorce`
          |
        2 |   x: { sorce: y }
          |        ^^^^^

        release.yaml: missing key `clusters`
        ");
    }

    #[test]
    fn a_secret_on_the_line_is_not_shown() {
        for (line, shown) in [
            (
                "url: https://me:hunter2@example.com/x, usr: a",
                "url: https://**********@example.com/x, usr: a",
            ),
            ("    pasword: \"hunter2, b\" # mine", "    pasword: ********* ** * ****"),
            ("{ \"token\" : hunter2 }", "{ \"token\" : ******* *"),
            ("password: { env: NAME }", "password: { env: NAME }"),
            (
                "source: { path: x }, url: https://example.com/@scope",
                "source: { path: x }, url: https://example.com/@scope",
            ),
        ] {
            assert_eq!(without_secrets(line), shown);
        }
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        assert_eq!(did_you_mean("sorce", ["source", "release"]), "; did you mean `source`?");
        assert_eq!(
            did_you_mean("eks-dev-1", ["eks-development-1", "eks-staging-1"]),
            "; did you mean `eks-development-1`?"
        );
        assert_eq!(did_you_mean("zzz", ["source", "release"]), "");
    }
}
