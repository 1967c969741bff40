//! Reading a text character by character.

/// A place in a text.
pub(super) struct Cursor<'t> {
    rest: &'t str,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'t str {
        self.rest
    }

    /// Goes some bytes forward.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// The next character, if it is this one.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Everything before the next stop, and the stop, which is passed; none at the end. With `escapes`, `\`
    /// takes the next character's meaning.
    pub(super) fn until(&mut self, stops: &[char], escapes: bool) -> (String, Option<char>) {
        let mut text = String::new();
        let mut characters = self.rest.chars();
        while let Some(character) = characters.next() {
            if stops.contains(&character) {
                self.rest = characters.as_str();
                return (text, Some(character));
            }
            if escapes && character == '\\' {
                text.extend(characters.next());
            } else {
                text.push(character);
            }
        }
        self.rest = "";
        (text, None)
    }

    /// Passes blanks and one comma after them; false where something else comes first.
    pub(super) fn passes_blank(&mut self) -> bool {
        self.rest =
            self.rest.trim_start_matches(|character: char| character != ',' && character.is_whitespace());
        self.rest.is_empty() || self.take(',')
    }
}
