//! The characters of a Go string: a byte that is not UTF-8 counts as U+FFFD, as in Go's `range`.

/// Each character with the bytes that it stands for.
pub(super) fn runes(bytes: &[u8]) -> impl Iterator<Item = (char, &[u8])> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid();
        let good = valid.char_indices().map(move |(at, c)| (c, &valid.as_bytes()[at..at + c.len_utf8()]));
        good.chain(chunk.invalid().chunks(1).map(|byte| (char::REPLACEMENT_CHARACTER, byte)))
    })
}

/// As Rust's text: each byte that is not UTF-8 becomes U+FFFD, where Rust's own conversion would make one of
/// several.
pub(super) fn scrubbed(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => runes(bytes).map(|(c, _)| c).collect(),
    }
}

/// `strings.Map`: each character through a function.
pub(super) fn map(bytes: &[u8], function: impl FnMut(char) -> char) -> String {
    runes(bytes).map(|(c, _)| c).map(function).collect()
}

/// `strings.TrimFunc`.
pub(super) fn trim(bytes: &[u8], is: impl Fn(char) -> bool) -> &[u8] {
    let start: usize = runes(bytes).take_while(|(c, _)| is(*c)).map(|(_, raw)| raw.len()).sum();
    let mut end = bytes.len();
    while end > start {
        let (c, size) = last(&bytes[..end]);
        if !is(c) {
            break;
        }
        end -= size;
    }
    &bytes[start..end]
}

/// The last character and its length in bytes.
fn last(bytes: &[u8]) -> (char, usize) {
    let from = (1..=bytes.len().min(4)).find(|size| str::from_utf8(&bytes[bytes.len() - size..]).is_ok());
    match from
        .map(|size| &bytes[bytes.len() - size..])
        .and_then(|tail| str::from_utf8(tail).ok())
        .and_then(|tail| tail.chars().next())
    {
        Some(c) => (c, c.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// `unicode.ToUpper`: one character for one, so `ß` stays.
pub(super) fn upper(c: char) -> char {
    let mut full = c.to_uppercase();
    match (full.next(), full.next()) {
        (Some(upper), None) => upper,
        _ => simple_title(c),
    }
}

/// `unicode.ToLower`.
pub(super) fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// `unicode.ToTitle`.
pub(super) fn title(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        'ა'..='ჺ' | 'ჽ'..='ჿ' => c,
        c => upper(c),
    }
}

/// Greek letters with iota have a capital of one character, though their full one has two.
fn simple_title(c: char) -> char {
    let code = u32::from(c);
    let capital = match code {
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => code + 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => code + 9,
        code => code,
    };
    char::from_u32(capital).unwrap_or(c)
}

/// `unicode.IsTitle`.
pub(super) fn is_title(c: char) -> bool {
    matches!(c, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ' | '\u{1f88}'..='\u{1f8f}' | '\u{1f98}'..='\u{1f9f}' | '\u{1fa8}'..='\u{1faf}' | 'ᾼ' | 'ῌ' | 'ῼ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_byte_is_a_character() {
        let seen: Vec<_> = runes(b"a\xe2\x82b\xff").map(|(c, raw)| (c, raw.len())).collect();
        assert_eq!(seen, [('a', 1), ('\u{fffd}', 1), ('\u{fffd}', 1), ('b', 1), ('\u{fffd}', 1)]);
    }

    #[test]
    fn one_character_for_one() {
        assert_eq!(
            [upper('ß'), upper('ᾀ'), upper('é'), title('ǆ'), title('ა'), lower('İ')],
            ['ß', 'ᾈ', 'É', 'ǅ', 'ა', 'i']
        );
    }

    #[test]
    fn trims_both_ends() {
        assert_eq!(trim("\u{a0} é x\u{2003}".as_bytes(), char::is_whitespace), "é x".as_bytes());
        assert_eq!(trim(b" \xff ", char::is_whitespace), b"\xff");
        assert_eq!(trim(b"xx", |c| c == 'x'), b"");
    }
}
