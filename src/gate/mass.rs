//! Many at once: what counts as a mass, and how many names are told.

/// More than a handful, and more than two in a hundred: no user does so by hand.
pub(super) fn is_many(count: usize, of: usize) -> bool {
    count > 5 && count * 50 > of
}

/// The first five of many names.
pub(super) fn first_few(names: &[&str]) -> String {
    let more = if names.len() > 5 { format!(" and {} more", names.len() - 5) } else { String::new() };
    format!("{}{more}", names.iter().take(5).copied().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handful_is_no_mass() {
        for (count, of, many) in
            [(0, 10, false), (5, 5, false), (6, 10, true), (6, 300, false), (201, 10_000, true)]
        {
            assert_eq!(is_many(count, of), many, "{count} of {of}");
        }
    }

    #[test]
    fn only_the_first_five_are_named() {
        assert_eq!(first_few(&["a", "b"]), "a, b");
        assert_eq!(first_few(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }
}
