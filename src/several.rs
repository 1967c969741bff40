//! Several things of a kind: the first of many names in one line, and what is there more than once.

use std::collections::BTreeSet;

/// The first `shown` of `names`: `a, b and 3 more`.
pub fn first_of<N: AsRef<str>>(names: &[N], shown: usize) -> String {
    let first: Vec<&str> = names.iter().take(shown).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(shown) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// What comes more than once.
pub fn repeated<T: Ord + Copy>(all: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut known = BTreeSet::new();
    all.into_iter().filter(|one| !known.insert(*one)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_once_is_not_repeated() {
        assert_eq!(repeated([3, 1, 3, 2, 1, 3]), [1, 3].into());
    }

    #[test]
    fn only_the_first_five_are_named() {
        assert_eq!(first_of(&["a", "b"], 5), "a, b");
        assert_eq!(first_of(&["a", "b", "c", "d", "e", "f", "g"], 5), "a, b, c, d, e and 2 more");
    }
}
