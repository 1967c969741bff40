//! Names counted by the domain that is registered, as CAs count them: by the public suffix list, so that
//! `a.example.co.uk` is one of `example.co.uk`. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::several::first_of;

/// So many domains are told.
const TOLD: usize = 3;

/// How many names each registered domain has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Domains(BTreeMap<String, usize>);

impl Domains {
    /// Counts these names; a wildcard is a name like any other.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut sums = BTreeMap::new();
        for name in names {
            *sums.entry(registered(name)).or_default() += 1;
        }
        Self(sums)
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (domain, count) in &other.0 {
            *self.0.entry(domain.clone()).or_default() += count;
        }
    }

    /// The end of a sentence about Certificates, `; names: 3 of example.com`; empty where there is no name.
    pub fn clause(&self) -> String {
        if self.0.is_empty() { String::new() } else { format!("; names: {self}") }
    }

    /// The domains with their counts, the largest first.
    pub fn sums(&self) -> Vec<(&str, usize)> {
        let mut sums: Vec<(&str, usize)> =
            self.0.iter().map(|(domain, count)| (domain.as_str(), *count)).collect();
        sums.sort_by_key(|(_, count)| Reverse(*count));
        sums
    }
}

/// `3 of example.com, 1 of example.org`.
impl fmt::Display for Domains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<String> =
            self.sums().into_iter().map(|(domain, count)| format!("{count} of {domain}")).collect();
        f.write_str(&first_of(&told, TOLD))
    }
}

/// A name that is a public suffix itself, or has one label only, stands for itself.
fn registered(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    psl::domain_str(&name).map_or_else(|| name.clone(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_by_the_domain_that_is_registered() {
        let table: [(&[&str], &str); 7] = [
            (&[], ""),
            (&["a.example.com", "b.c.example.com", "example.com"], "3 of example.com"),
            (&["*.example.com", "A.EXAMPLE.com"], "2 of example.com"),
            (&["a.one.co.uk", "a.two.co.uk"], "1 of one.co.uk, 1 of two.co.uk"),
            (&["a.web.svc.cluster.local", "localhost"], "1 of cluster.local, 1 of localhost"),
            (&["b.org", "a.com", "x.a.com"], "2 of a.com, 1 of b.org"),
            (&["a.com", "b.com", "c.com", "d.com"], "1 of a.com, 1 of b.com, 1 of c.com and 1 more"),
        ];
        for (names, expected) in table {
            assert_eq!(Domains::of(names.iter().copied()).to_string(), expected, "{names:?}");
        }
    }

    #[test]
    fn what_clusters_counted_is_added() {
        let mut sum = Domains::of(["a.example.com"]);
        sum.add(&Domains::of(["b.example.com", "example.org"]));
        assert_eq!(sum.sums(), [("example.com", 2), ("example.org", 1)]);
    }
}
