//! Many at once: what counts as a mass, and how many names are told.

/// More than a handful, and more than two in a hundred: no user does so by hand.
pub(super) fn is_many(count: usize, of: usize) -> bool {
    count > 5 && count * 50 > of
}

/// So many names are told.
pub(super) const NAMED: usize = 5;

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
}
