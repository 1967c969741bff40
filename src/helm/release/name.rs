//! What a release may be called.

/// Leaves room for what charts append to it, within the 63 characters of a label.
const LONGEST: usize = 53;

/// Whether Helm takes a name: words of lower case letters, digits and `-`, joined by dots, at most 53
/// characters.
pub fn is_name(name: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_word = |word: &[u8]| {
        let ends = word.first().is_some_and(plain) && word.last().is_some_and(plain);
        ends && word.iter().all(|byte| plain(byte) || *byte == b'-')
    };
    name.len() <= LONGEST && name.as_bytes().split(|byte| *byte == b'.').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["a", "cert-manager", "a.b-c.9", &"x".repeat(53)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "A", "-a", "a-", "a..b", ".a", "a_b", "é", &"x".repeat(54)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
