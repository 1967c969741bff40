//! `.helmignore`, with Helm's own evaluation: the first rule that matches decides, and `!` is not git's.

use std::fmt;

/// The rules of one `.helmignore`, and Helm's default rule after them.
#[derive(Debug, Clone)]
pub struct Rules(Vec<Rule>);

#[derive(Debug, Clone)]
struct Rule {
    pattern: Vec<char>,
    negated: bool,
    only_directories: bool,
    /// Matched against the whole relative path, not only the last part.
    anchored: bool,
}

/// A line that is not a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// The line, starting at 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ".helmignore line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for RuleError {}

impl Default for Rules {
    /// Without a `.helmignore`: only dotfiles directly in `templates/` are left out.
    fn default() -> Self {
        Self(vec![Rule {
            pattern: "templates/.?*".chars().collect(),
            negated: false,
            only_directories: false,
            anchored: true,
        }])
    }
}

impl Rules {
    /// Reads the text of a `.helmignore`.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rules = Vec::new();
        for (at, line) in text.lines().enumerate() {
            rules.extend(rule(line.trim()).map_err(|problem| RuleError { line: at + 1, problem })?);
        }
        rules.extend(Self::default().0);
        Ok(Self(rules))
    }

    /// Whether a path (relative, with `/`) is left out of the chart.
    ///
    /// A rule with `!` leaves out everything that does not match it, and lets the next rule decide on what
    /// does.
    pub fn ignores(&self, path: &str, is_directory: bool) -> bool {
        for rule in &self.0 {
            let matches = || rule.matches(path);
            let decided = match (rule.negated, rule.only_directories && !is_directory) {
                (true, true) => true,
                (true, false) => !matches(),
                (false, true) => false,
                (false, false) => matches(),
            };
            if decided {
                return true;
            }
        }
        false
    }
}

fn rule(line: &str) -> Result<Option<Rule>, &'static str> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    if line.contains("**") {
        return Err("double-star (**) syntax is not supported");
    }
    if !is_pattern(&line.chars().collect::<Vec<_>>()) {
        return Err("syntax error in pattern");
    }
    let (negated, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
    let (only_directories, rest) = rest.strip_suffix('/').map_or((false, rest), |rest| (true, rest));
    let anchored = rest.contains('/');
    let pattern = rest.strip_prefix('/').unwrap_or(rest).chars().collect();
    Ok(Some(Rule { pattern, negated, only_directories, anchored }))
}

impl Rule {
    fn matches(&self, path: &str) -> bool {
        let subject = if self.anchored { path } else { path.rsplit('/').next().unwrap_or(path) };
        matches(&self.pattern, &subject.chars().collect::<Vec<_>>())
    }
}

/// Whether a path matches a pattern of Go's `filepath.Match`; a malformed pattern matches nothing.
pub fn path_matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    is_pattern(&pattern) && matches(&pattern, &path.chars().collect::<Vec<_>>())
}

/// Whether brackets are closed and no escape is left open.
fn is_pattern(pattern: &[char]) -> bool {
    let mut rest = pattern;
    while let [first, tail @ ..] = rest {
        rest = match first {
            '\\' if tail.is_empty() => return false,
            '\\' => &tail[1..],
            '[' => match class(tail, None) {
                Some((_, after)) => after,
                None => return false,
            },
            _ => tail,
        };
    }
    true
}

/// Go's `filepath.Match`: `*` and `?` never match `/`.
fn matches(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        (['*', rest @ ..], _) => {
            let reach = text.iter().position(|c| *c == '/').unwrap_or(text.len());
            (0..=reach).any(|skipped| matches(rest, &text[skipped..]))
        }
        (_, []) => false,
        (['?', rest @ ..], [c, tail @ ..]) => *c != '/' && matches(rest, tail),
        (['[', rest @ ..], [c, tail @ ..]) => {
            class(rest, Some(*c)).is_some_and(|(hit, after)| hit && matches(after, tail))
        }
        (['\\', literal, rest @ ..] | [literal, rest @ ..], [c, tail @ ..]) => {
            literal == c && matches(rest, tail)
        }
    }
}

/// The rest of a class after its `[`: whether a character is in it, and what follows the `]`. Nothing if it
/// is malformed.
fn class(pattern: &[char], subject: Option<char>) -> Option<(bool, &[char])> {
    let (negated, mut rest) = match pattern {
        ['^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut hit, mut ranges) = (false, 0);
    loop {
        if ranges > 0
            && let [']', after @ ..] = rest
        {
            return Some((hit != negated, after));
        }
        let (low, after) = class_character(rest)?;
        let (high, after) = match after {
            ['-', upper @ ..] => class_character(upper)?,
            after => (low, after),
        };
        hit |= subject.is_some_and(|c| (low..=high).contains(&c));
        (rest, ranges) = (after, ranges + 1);
    }
}

fn class_character(pattern: &[char]) -> Option<(char, &[char])> {
    match pattern {
        [] | ['-' | ']', ..] | ['\\'] => None,
        ['\\', c, rest @ ..] | [c, rest @ ..] => (!rest.is_empty()).then_some((*c, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(rules: &str, paths: &[&str]) -> Vec<bool> {
        let rules = Rules::parse(rules).unwrap();
        paths.iter().map(|path| rules.ignores(path.trim_end_matches('/'), path.ends_with('/'))).collect()
    }

    #[test]
    fn patterns() {
        assert_eq!(ignored("*.txt", &["a.txt", "b/c.txt", "a.txt.md"]), [true, true, false]);
        assert_eq!(ignored("/a.txt", &["a.txt", "b/a.txt"]), [true, false]);
        assert_eq!(ignored("b/*.txt", &["b/a.txt", "b/c/a.txt", "x/b/a.txt"]), [true, false, false]);
        assert_eq!(ignored("docs/", &["docs/", "docs", "a/docs/"]), [true, false, true]);
        assert_eq!(ignored("[a-c]?", &["a1", "d1", "b/", "cc"]), [true, false, false, true]);
        assert_eq!(ignored("[^a]", &["a", "b"]), [false, true]);
        assert_eq!(ignored(r"\*", &["*", "a"]), [true, false]);
        assert_eq!(ignored("  # comment\n\n  a  ", &["a"]), [true]);
        assert_eq!(ignored("\u{feff}a", &["a"]), [true]);
    }

    #[test]
    fn dotfiles_directly_in_templates_are_left_out() {
        assert_eq!(
            ignored("", &["templates/.a", "templates/a", "templates/b/.a", ".git/", "templates/."]),
            [true, false, false, false, false]
        );
    }

    #[test]
    fn negation_drops_everything_else() {
        assert_eq!(ignored("!README.md", &["README.md", "Chart.yaml", "templates/"]), [false, true, true]);
        assert_eq!(ignored("!docs/", &["docs/", "Chart.yaml", "other/"]), [false, true, true]);
        assert_eq!(ignored("*.md\n!README.md", &["README.md"]), [true]);
    }

    #[test]
    fn lines_that_are_no_rules() {
        let error = |text: &str| Rules::parse(text).unwrap_err().to_string();
        assert_eq!(error("a\n**/b"), ".helmignore line 2: double-star (**) syntax is not supported");
        for text in ["[", "[]", "[a", "a\\", "[a-]", "[-]"] {
            assert_eq!(error(text), ".helmignore line 1: syntax error in pattern", "{text}");
        }
    }
}
