//! How many Certificates were issued again without a reason of their own, on one cluster and on all of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::budget::ReissueBudget;
use crate::certmanager::domains::Domains;

/// What was issued again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReissuedCount {
    /// So many Certificates,
    pub certificates: usize,
    /// of so many.
    pub of: usize,
    /// The names on them, by registered domain: CAs limit these for all clusters together.
    pub domains: Domains,
}

impl ReissuedCount {
    /// The sum over some clusters; nothing where nothing was issued again.
    pub fn sum<'c>(counts: impl IntoIterator<Item = &'c Self>) -> Option<Self> {
        let mut sum = Self::default();
        for count in counts {
            sum.certificates += count.certificates;
            sum.of += count.of;
            sum.domains.add(&count.domains);
        }
        (sum.certificates > 0).then_some(sum)
    }

    /// More than is allowed.
    pub fn is_over(&self, budget: ReissueBudget) -> bool {
        budget.is_exceeded(self.certificates, self.of)
    }
}

/// `3 of 120 Certificates; names: 2 of example.com, 1 of example.org`.
impl fmt::Display for ReissuedCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} Certificates{}", self.certificates, self.of, self.domains.clause())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(certificates: usize, of: usize, name: &str) -> ReissuedCount {
        let domains = Domains::of(std::iter::repeat_n(name, certificates));
        ReissuedCount { certificates, of, domains }
    }

    #[test]
    fn clusters_that_are_within_the_budget_alone_are_over_it_together() {
        let (one, two) = (count(1, 200, "a.example.com"), count(2, 300, "b.example.com"));
        let budget = ReissueBudget(Some(2));
        assert!(!one.is_over(budget) && !two.is_over(budget));
        let sum = ReissuedCount::sum([&one, &two]).unwrap();
        assert!(sum.is_over(budget));
        assert_eq!(sum.to_string(), "3 of 500 Certificates; names: 3 of example.com");
        assert_eq!(ReissuedCount::sum([&count(0, 9, "x")]), None);
    }
}
