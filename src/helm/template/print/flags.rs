//! Flags, width and precision of one verb, and what they do to texts, numbers and characters.

use super::{float, quote};

/// What stands between `%` and the verb.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one character that may stand there, in any combination"
)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    pub(super) plus_v: bool,
    pub(super) sharp_v: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl Flags {
    /// Writes with padding up to the width, in characters.
    pub(super) fn pad(&self, out: &mut Vec<u8>, text: &[u8]) {
        let missing = self.width.map_or(0, |width| width.saturating_sub(runes(text)));
        if self.minus {
            out.extend_from_slice(text);
        }
        let filler = if self.zero && !self.minus { b'0' } else { b' ' };
        out.resize(out.len() + missing, filler);
        if !self.minus {
            out.extend_from_slice(text);
        }
    }

    fn pad_with_spaces(self, out: &mut Vec<u8>, text: &[u8]) {
        Self { zero: false, ..self }.pad(out, text);
    }

    /// `%s`: cut at the precision, in characters.
    pub(super) fn text(&self, out: &mut Vec<u8>, text: &[u8]) {
        self.pad(out, self.cut(text));
    }

    fn cut<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let Some(limit) = self.precision else { return text };
        rune_starts(text).nth(limit).map_or(text, |end| text.get(..end).unwrap_or(text))
    }

    /// `%q` of a text.
    pub(super) fn quoted(&self, out: &mut Vec<u8>, text: &[u8]) {
        let text = self.cut(text);
        if self.sharp && quote::can_backquote(text) {
            return self.pad(out, &[b"`", text, b"`"].concat());
        }
        self.pad(out, quote::quote(text, self.plus).as_bytes());
    }

    /// `%x` of a text: its bytes.
    pub(super) fn hex(&self, out: &mut Vec<u8>, bytes: &[u8], upper: bool) {
        let bytes = self.precision.map_or(bytes, |limit| bytes.get(..limit).unwrap_or(bytes));
        let prefix = if upper { "0X" } else { "0x" };
        let digits = |byte: &u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
        let mut parts: Vec<String> = bytes.iter().map(digits).collect();
        if self.sharp {
            let prefixed = if self.space { parts.len() } else { parts.len().min(1) };
            parts.iter_mut().take(prefixed).for_each(|part| part.insert_str(0, prefix));
        }
        self.pad(out, parts.join(if self.space { " " } else { "" }).as_bytes());
    }

    /// A whole number in a base; `verb` matters for `%O` alone.
    pub(super) fn integer(&self, out: &mut Vec<u8>, number: u64, negative: bool, verb: char) {
        if self.precision == Some(0) && number == 0 {
            return self.pad_with_spaces(out, b"");
        }
        let mut digits = match verb {
            'b' => format!("{number:b}"),
            'o' | 'O' => format!("{number:o}"),
            'x' => format!("{number:x}"),
            'X' => format!("{number:X}"),
            _ => number.to_string(),
        };
        let signed = negative || self.plus || self.space;
        let by_width = self
            .width
            .filter(|_| self.zero && !self.minus)
            .map(|width| width.saturating_sub(usize::from(signed)));
        let least = self.precision.or(by_width).unwrap_or(0);
        digits.insert_str(0, &"0".repeat(least.saturating_sub(digits.len())));
        match verb {
            'b' if self.sharp => digits.insert_str(0, "0b"),
            'o' if self.sharp && !digits.starts_with('0') => digits.insert(0, '0'),
            'O' if self.sharp && !digits.starts_with('0') => digits.insert_str(0, "0o0"),
            'O' => digits.insert_str(0, "0o"),
            'x' if self.sharp => digits.insert_str(0, "0x"),
            'X' if self.sharp => digits.insert_str(0, "0X"),
            _ => {}
        }
        if let Some(sign) = self.sign(negative) {
            digits.insert(0, sign);
        }
        self.pad_with_spaces(out, digits.as_bytes());
    }

    fn sign(self, negative: bool) -> Option<char> {
        match (negative, self.plus, self.space) {
            (true, _, _) => Some('-'),
            (_, true, _) => Some('+'),
            (_, _, true) => Some(' '),
            _ => None,
        }
    }

    /// `%c`, or `%q` of a number.
    pub(super) fn character(&self, out: &mut Vec<u8>, number: u64, quoted: bool) {
        let letter = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
        let text = if quoted { quote::quote_char(letter, self.plus) } else { letter.to_string() };
        self.pad(out, text.as_bytes());
    }

    /// `%U`.
    pub(super) fn unicode(&self, out: &mut Vec<u8>, number: u64) {
        let digits = self.precision.map_or(4, |precision| precision.max(4));
        let mut text = format!("U+{number:0digits$X}");
        let letter = u32::try_from(number)
            .ok()
            .and_then(char::from_u32)
            .filter(|letter| self.sharp && quote::is_print(*letter));
        if let Some(letter) = letter {
            text.extend([' ', '\'', letter, '\'']);
        }
        self.pad_with_spaces(out, text.as_bytes());
    }

    /// A `float64`; `precision` is the one of the verb.
    pub(super) fn float(&self, out: &mut Vec<u8>, number: f64, verb: char, precision: Option<usize>) {
        let mut text = float::format(number, verb, self.precision.or(precision));
        if !text.starts_with(['-', '+']) {
            text.insert(0, '+');
        }
        if self.space && text.starts_with('+') && !self.plus {
            text.replace_range(..1, " ");
        }
        if !number.is_finite() {
            let bare = number.is_nan() && !self.space && !self.plus;
            return self.pad_with_spaces(out, text.get(usize::from(bare)..).unwrap_or_default().as_bytes());
        }
        if self.sharp && verb != 'b' {
            text = with_point(&text, verb, self.precision.or(precision));
        }
        if !self.plus && text.starts_with('+') {
            return self.pad(out, text.get(1..).unwrap_or_default().as_bytes());
        }
        if self.zero && !self.minus && self.width.is_some_and(|width| width > text.len()) {
            let missing = self.width.unwrap_or_default() - text.len();
            text.insert_str(1, &"0".repeat(missing));
        }
        self.pad(out, text.as_bytes());
    }
}

/// The `#` flag of floats: always a point, and zeros up to the precision.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let mut missing = if matches!(verb, 'g' | 'G') { precision.unwrap_or(6) } else { 0 };
    let (number, tail) = text.split_at(text.find(['e', 'E', 'p', 'P']).unwrap_or(text.len()));
    let digits = number.get(1..).unwrap_or_default();
    let counted = digits.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count();
    missing = missing.saturating_sub(counted);
    let point = if digits.contains('.') { "" } else { "." };
    if digits == "0" {
        missing = missing.saturating_sub(1);
    }
    format!("{number}{point}{}{tail}", "0".repeat(missing))
}

/// How many characters Go counts: a broken byte is one.
pub(super) fn runes(text: &[u8]) -> usize {
    rune_starts(text).count()
}

fn rune_starts(text: &[u8]) -> impl Iterator<Item = usize> {
    let mut start = 0;
    text.utf8_chunks().flat_map(move |chunk| {
        let valid = start;
        let broken = start + chunk.valid().len();
        start = broken + chunk.invalid().len();
        let letters = chunk.valid().char_indices().map(move |(index, _)| valid + index);
        letters.chain(broken..start)
    })
}
