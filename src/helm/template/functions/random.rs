//! Random texts and numbers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt as _;
use rand::seq::SliceRandom as _;

use super::runes::runes;
use super::{Answer, fixed, not_too_long, text};
use crate::helm::template::function::{
    Function, FunctionError,
    Parameter::{Int, Str},
};
use crate::helm::template::value::Value;

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("randAlphaNum", &[Int], |_, a| letters(a.int(0), |byte| byte.is_ascii_alphanumeric())),
    fixed("randAlpha", &[Int], |_, a| letters(a.int(0), |byte| byte.is_ascii_alphabetic())),
    fixed("randNumeric", &[Int], |_, a| letters(a.int(0), |byte| byte.is_ascii_digit())),
    fixed("randAscii", &[Int], |_, a| letters(a.int(0), |byte| (b' '..=b'~').contains(&byte))),
    fixed("randBytes", &[Int], |_, a| bytes(a.int(0))),
    fixed("randInt", &[Int, Int], |_, a| number(a.int(0), a.int(1))),
    fixed("shuffle", &[Str], |_, a| text(shuffled(a.text(0)))),
    fixed("uuidv4", &[], |_, _| text(uuid(rand::random()))),
];

/// A text of so many characters of one kind; less than none is nothing.
fn letters(count: i64, fits: fn(u8) -> bool) -> Answer {
    let count = usize::try_from(count).unwrap_or(0);
    not_too_long(count)?;
    let alphabet: Vec<u8> = (0..=127).filter(|byte| fits(*byte)).collect();
    let mut random = rand::rng();
    text((0..count).map(|_| alphabet[random.random_range(0..alphabet.len())]).collect::<Vec<u8>>())
}

fn bytes(count: i64) -> Answer {
    let count = usize::try_from(count)
        .map_err(|_| FunctionError::said("runtime error: makeslice: len out of range"))?;
    not_too_long(count)?;
    let mut bytes = vec![0; count];
    rand::rng().fill(bytes.as_mut_slice());
    text(STANDARD.encode(bytes))
}

fn number(least: i64, end: i64) -> Answer {
    // Go calculates the width and the sum without minding an overflow.
    let width = end.wrapping_sub(least);
    if width <= 0 {
        return Err(FunctionError::said("invalid argument to Intn"));
    }
    Ok(Value::Int(rand::rng().random_range(0..width).wrapping_add(least)))
}

fn shuffled(bytes: &[u8]) -> String {
    let mut chars: Vec<char> = runes(bytes).map(|(c, _)| c).collect();
    chars.shuffle(&mut rand::rng());
    chars.into_iter().collect()
}

/// The random bytes with the marks of version 4.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_a_uuid() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn numbers_are_in_their_range() {
        assert!(matches!(number(5, 6), Ok(Value::Int(5))));
        assert!(number(i64::MIN, i64::MAX).is_err());
    }
}
