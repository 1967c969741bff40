//! Many at once: what counts as a mass, and how many names are told.

/// Two at once, or more than one in a hundred.
pub(super) fn is_mass(count: usize, of: usize) -> bool {
    count >= 2 || count * 100 > of
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
    fn two_are_a_mass_and_one_of_few_too() {
        for (count, of, mass) in [(0, 10, false), (1, 100, false), (1, 99, true), (2, 10_000, true)] {
            assert_eq!(is_mass(count, of), mass, "{count} of {of}");
        }
    }

    #[test]
    fn only_the_first_five_are_named() {
        assert_eq!(first_few(&["a", "b"]), "a, b");
        assert_eq!(first_few(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }
}
