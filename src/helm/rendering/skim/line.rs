//! The lines of a document.

/// The lines that are left.
pub(super) struct Lines<'t> {
    rest: &'t str,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    /// Passes the content of a block scalar inside a collection at this column: blank lines, and those that
    /// are indented as the first one is.
    pub(super) fn skip_block(&mut self, parent: usize) -> Option<()> {
        let mut indentation = None;
        let mut longest_blank = 0;
        while let Some((line, rest)) = split(self.rest) {
            if !is_plain_text(line) {
                return None;
            }
            let column = line.len() - line.trim_start_matches(' ').len();
            if column == line.len() {
                longest_blank = longest_blank.max(column);
            } else {
                let wanted = *indentation.get_or_insert_with(|| {
                    let is_content = column > parent;
                    if is_content && longest_blank > column { usize::MAX } else { column.max(parent + 1) }
                });
                match wanted {
                    // A blank line in front that is longer than the text sets the indentation, and the text
                    // then breaks the rules.
                    usize::MAX => return None,
                    wanted if column < wanted => break,
                    _ => {}
                }
            }
            self.rest = rest;
        }
        Some(())
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let (line, rest) = split(self.rest)?;
        self.rest = rest;
        Some(line)
    }
}

/// The first line without its break, and the others.
fn split(text: &str) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    Some(text.split_once('\n').unwrap_or((text, "")))
}

/// Whether a line holds only characters that YAML takes as they are: no tabs, no control characters, no other
/// line breaks.
pub(super) fn is_plain_text(line: &str) -> bool {
    let is_ascii_text = |byte: u8| (b' '..=b'~').contains(&byte);
    line.bytes().all(is_ascii_text)
        || line.chars().all(|character| match character {
            ' '..='~' => true,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
            other => other >= '\u{a0}',
        })
}
