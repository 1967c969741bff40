//! How many Certificates may be issued again without a reason of their own.

/// `gates.max-reissue`, or what holds without it. ACME limits are shared by all clusters, so that it is small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReissueBudget(pub Option<usize>);

impl ReissueBudget {
    /// Whether `count` of `of` Certificates are more than that; without a number two are, or more than one in a
    /// hundred.
    pub fn is_exceeded(self, count: usize, of: usize) -> bool {
        match self.0 {
            Some(budget) => count > budget,
            None => count >= 2 || count * 100 > of,
        }
    }

    /// In words, behind the number that it is compared with.
    pub fn words(self) -> String {
        match self.0 {
            Some(budget) => format!("`gates.max-reissue` is {budget}"),
            None => "without `gates.max-reissue` one in a hundred is allowed".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_or_more_than_one_percent_are_too_many() {
        let table = [
            (None, 0, 10, false),
            (None, 1, 10, true),
            (None, 1, 100, false),
            (None, 2, 1000, true),
            (Some(0), 0, 10, false),
            (Some(0), 1, 1000, true),
            (Some(5), 5, 5, false),
            (Some(5), 6, 1000, true),
        ];
        for (budget, count, of, expected) in table {
            assert_eq!(ReissueBudget(budget).is_exceeded(count, of), expected, "{budget:?}: {count} of {of}");
        }
    }
}
