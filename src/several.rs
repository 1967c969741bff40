//! Many names in one line: the first of them, and how many more there are.

/// The first `shown` of `names`: `a, b and 3 more`.
pub fn first_of<N: AsRef<str>>(names: &[N], shown: usize) -> String {
    let first: Vec<&str> = names.iter().take(shown).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(shown) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_five_are_named() {
        assert_eq!(first_of(&["a", "b"], 5), "a, b");
        assert_eq!(first_of(&["a", "b", "c", "d", "e", "f", "g"], 5), "a, b, c, d, e and 2 more");
    }
}
