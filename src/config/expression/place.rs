//! Where a character of a YAML text stands in the file, whatever way the text is written: plain, quoted, folded
//! or as a block. Pure.

use crate::config::error::Location;

/// The place in `file` of what begins at `offset` of `text`, a value that begins at `start`.
///
/// What YAML adds to a text (quotes, escapes, indentation, folds) comes between its characters, so each of them
/// is looked for after the one before.
pub(in crate::config) fn place(
    file: &str,
    start: Location,
    text: &str,
    offset: usize,
    length: usize,
) -> Location {
    let mut raw = Characters::from(file, start);
    let mut at = start;
    for (index, wanted) in text.chars().enumerate() {
        if wanted.is_whitespace() {
            continue;
        }
        let Some(found) = raw.find(|(_, is)| *is == wanted) else { break };
        if index > offset {
            break;
        }
        // What lies between two characters, as at the end of the text, is right after the one before.
        let column = found.0.column + (offset - index);
        at = Location { column, length, ..found.0 };
    }
    at
}

/// The characters of a file with their places.
struct Characters<'f> {
    rest: std::str::Chars<'f>,
    at: Location,
}

impl<'f> Characters<'f> {
    fn from(file: &'f str, start: Location) -> Self {
        let lines = file.split_inclusive('\n').take(start.line.saturating_sub(1));
        let rest = &file[lines.map(str::len).sum::<usize>()..];
        let skipped = rest.chars().take(start.column.saturating_sub(1)).map(char::len_utf8).sum::<usize>();
        Self { rest: rest[skipped..].chars(), at: start }
    }
}

impl Iterator for Characters<'_> {
    type Item = (Location, char);

    fn next(&mut self) -> Option<Self::Item> {
        let (at, is) = (self.at, self.rest.next()?);
        if is == '\n' {
            (self.at.line, self.at.column) = (at.line + 1, 1);
        } else {
            self.at.column += 1;
        }
        Some((at, is))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_found_however_the_text_is_written() {
        let text = "size(x) == 'ü' && y";
        let y = text.chars().position(|is| is == 'y').unwrap();
        let table = [
            ("a: size(x) == 'ü' && y\n", (1, 4), (1, 22)),
            ("a: \"size(x) == 'ü' && y\"\n", (1, 4), (1, 23)),
            ("a: 'size(x) == ''ü'' && y'\n", (1, 4), (1, 25)),
            ("# ü\na: >-\n   size(x) == 'ü'\n   && y\n", (2, 4), (4, 7)),
            ("a: |-\n  size(x) == 'ü' && y\n", (1, 4), (2, 21)),
        ];
        for (file, (line, column), expected) in table {
            let found = place(file, Location { line, column, length: 1 }, text, y, 1);
            assert_eq!((found.line, found.column), expected, "{file}");
        }
    }

    #[test]
    fn the_end_is_behind_the_last_character() {
        let start = Location { line: 1, column: 4, length: 1 };
        let found = place("a: x &&\nb: 1\n", start, "x &&", 4, 1);
        assert_eq!((found.line, found.column), (1, 8));
    }
}
