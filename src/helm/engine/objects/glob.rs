//! Patterns of file names, as `.Files.Glob` reads them: `*` and `?` stay within a folder, `**` crosses
//! folders.

/// A pattern.
#[derive(Debug)]
pub(super) struct Glob(Vec<Part>);

#[derive(Debug)]
enum Part {
    Char(char),
    /// `?`
    One,
    /// `*`
    Some,
    /// `**`
    All,
    /// `[a-z]` or `[!abc]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// `{a,b}`
    Either(Vec<Glob>),
}

impl Glob {
    /// Reads a pattern; `None` if it is broken.
    pub(super) fn read(pattern: &str) -> Option<Self> {
        let letters: Vec<char> = pattern.chars().collect();
        let mut at = 0;
        let glob = read(&letters, &mut at, false)?;
        (at == letters.len()).then_some(glob)
    }

    /// Whether a file name fits.
    pub(super) fn fits(&self, name: &str) -> bool {
        let letters: Vec<char> = name.chars().collect();
        fits(&self.0, &letters, &|rest| rest.is_empty())
    }
}

fn read(letters: &[char], at: &mut usize, inside: bool) -> Option<Glob> {
    let mut parts = Vec::new();
    while let Some(letter) = letters.get(*at) {
        if inside && matches!(letter, ',' | '}') {
            break;
        }
        *at += 1;
        parts.push(match letter {
            '?' => Part::One,
            '*' => {
                let stars = letters[*at..].iter().take_while(|letter| **letter == '*').count();
                *at += stars;
                if stars > 0 { Part::All } else { Part::Some }
            }
            '[' => class(letters, at)?,
            '{' => either(letters, at)?,
            '\\' => match letters.get(*at) {
                Some(escaped) => {
                    *at += 1;
                    Part::Char(*escaped)
                }
                None => break,
            },
            other => Part::Char(*other),
        });
    }
    Some(Glob(parts))
}

/// One range of characters or a list of them; never both.
fn class(letters: &[char], at: &mut usize) -> Option<Part> {
    let negated = letters.get(*at) == Some(&'!');
    *at += usize::from(negated);
    if let [low, '-', after @ ..] = letters.get(*at..)? {
        *at += 4;
        return match after {
            [high, ']', ..] => Some(Part::Class { negated, ranges: vec![(*low, *high)] }),
            _ => None,
        };
    }
    let mut ranges = Vec::new();
    loop {
        *at += 1;
        match letters.get(*at - 1)? {
            ']' => return (!ranges.is_empty()).then_some(Part::Class { negated, ranges }),
            '\\' => {
                let letter = *letters.get(*at)?;
                *at += 1;
                ranges.push((letter, letter));
            }
            letter => ranges.push((*letter, *letter)),
        }
    }
}

/// A list without an end ends with the pattern.
fn either(letters: &[char], at: &mut usize) -> Option<Part> {
    let mut patterns = Vec::new();
    loop {
        patterns.push(read(letters, at, true)?);
        *at += 1;
        if letters.get(*at - 1) != Some(&',') {
            *at = letters.len().min(*at);
            return Some(Part::Either(patterns));
        }
    }
}

/// Whether the parts fit the beginning of a name and `then` accepts what is left.
fn fits(parts: &[Part], name: &[char], then: &dyn Fn(&[char]) -> bool) -> bool {
    let Some((part, parts)) = parts.split_first() else { return then(name) };
    let after_one = |accepted: &dyn Fn(char) -> bool| match name.split_first() {
        Some((letter, rest)) if accepted(*letter) => fits(parts, rest, then),
        _ => false,
    };
    match part {
        Part::Char(wanted) => after_one(&|letter| letter == *wanted),
        Part::One => after_one(&|letter| letter != '/'),
        Part::Class { negated, ranges } => {
            after_one(&|letter| ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter)) != *negated)
        }
        Part::Some => {
            let longest = name.iter().position(|letter| *letter == '/').unwrap_or(name.len());
            (0..=longest).any(|taken| fits(parts, &name[taken..], then))
        }
        Part::All => (0..=name.len()).any(|taken| fits(parts, &name[taken..], then)),
        Part::Either(patterns) => {
            patterns.iter().any(|pattern| fits(&pattern.0, name, &|rest| fits(parts, rest, then)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn as_helm_reads_patterns() {
        let cases = [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "d/a.yaml", false),
            ("**.yaml", "d/e/a.yaml", true),
            ("**/*.yaml", "a.yaml", false),
            ("d/**", "d/e/a", true),
            ("d/*", "d/e/a", false),
            ("?.txt", "a.txt", true),
            ("?.txt", "/.txt", false),
            ("[ab].txt", "b.txt", true),
            ("[!ab].txt", "b.txt", false),
            ("[a-c]*", "cd", true),
            ("{a,b}/*.{x,y}", "b/c.y", true),
            ("{a,b}", "c", false),
            ("\\*", "*", true),
            ("[ab-d]", "c", false),
            ("[-a]", "-", true),
            ("{a,b", "b", true),
            ("a\\", "a", true),
            ("", "a", false),
            ("*", "", true),
        ];
        for (pattern, name, fits) in cases {
            assert_eq!(Glob::read(pattern).unwrap().fits(name), fits, "{pattern} {name}");
        }
        for broken in ["[a", "[]", "[a-]", "[a-c-e]"] {
            assert!(Glob::read(broken).is_none(), "{broken}");
        }
    }
}
