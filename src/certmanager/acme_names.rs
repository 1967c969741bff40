//! How many certificates of which registered domains a run asks ACME servers for, and whether these issue so many.
//! Pure.

use std::collections::BTreeMap;

use super::domains::Domains;

/// What a server issues for one registered domain, to everybody together.
#[derive(Debug)]
struct AcmeLimit {
    /// Part of the address of its directory.
    host: &'static str,
    whose: &'static str,
    certificates: usize,
    days: u32,
}

/// Of servers that publish one (letsencrypt.org/docs/rate-limits: new certificates per registered domain).
const LIMITS: [AcmeLimit; 1] =
    [AcmeLimit { host: "acme-v02.api.letsencrypt.org", whose: "Let's Encrypt", certificates: 50, days: 7 }];

/// The names that are asked for, by the address of the ACME directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcmeNames(BTreeMap<String, Domains>);

impl AcmeNames {
    /// One certificate with one name.
    pub fn one(server: &str, name: &str) -> Self {
        Self(BTreeMap::from([(server.to_owned(), Domains::of([name]))]))
    }

    /// Adds what is asked for elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (server, domains) in &other.0 {
            self.0.entry(server.clone()).or_default().add(domains);
        }
    }

    /// What a server will not issue, in one sentence each.
    pub fn over_limit(&self) -> Vec<String> {
        let limited = self.0.iter().filter_map(|(server, domains)| {
            Some((LIMITS.iter().find(|limit| server.contains(limit.host))?, domains))
        });
        let over = limited.flat_map(|(limit, domains)| {
            let above = domains.sums().into_iter().filter(|(_, count)| *count > limit.certificates);
            above.map(|(domain, count)| limit.told(domain, count)).collect::<Vec<_>>()
        });
        over.collect()
    }
}

impl AcmeLimit {
    fn told(&self, domain: &str, count: usize) -> String {
        let Self { whose, certificates, days, .. } = self;
        format!(
            "the canaries of this run take {count} certificates of {domain} from {whose}, which issues {certificates} of a registered domain in {days} days, to all clusters and everybody else together"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCTION: &str = "https://acme-v02.api.letsencrypt.org/directory";
    const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

    fn names(server: &str, count: usize, name: &str) -> AcmeNames {
        let mut all = AcmeNames::default();
        (0..count).for_each(|_| all.add(&AcmeNames::one(server, name)));
        all
    }

    #[test]
    fn only_more_than_a_known_limit_of_one_domain_is_told() {
        let table = [
            (names(PRODUCTION, 50, "run.a.example.com"), None),
            (
                names(PRODUCTION, 51, "run.a.example.com"),
                Some("51 certificates of example.com from Let's Encrypt"),
            ),
            (names(STAGING, 51, "run.a.example.com"), None),
            (names("https://ca.example.com/acme", 51, "run.a.example.com"), None),
        ];
        for (names, expected) in table {
            let told = names.over_limit();
            assert_eq!(told.len(), usize::from(expected.is_some()), "{told:?}");
            assert!(told.iter().all(|told| told.contains(expected.unwrap_or_default())), "{told:?}");
        }
        let mut two = names(PRODUCTION, 30, "a.example.com");
        two.add(&names(PRODUCTION, 30, "a.example.org"));
        assert!(two.over_limit().is_empty(), "domains are counted apart");
        two.add(&names(PRODUCTION, 21, "b.example.com"));
        assert_eq!(two.over_limit().len(), 1, "clusters are counted together");
    }
}
