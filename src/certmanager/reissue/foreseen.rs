//! Which Certificates of a cluster an upgrade would issue again, and whether these are too many.

use std::collections::BTreeSet;

use super::budget::ReissueBudget;
use super::reader::{ReadCertificate, Reader};
use crate::certmanager::domains::Domains;
use crate::several::{first_of, repeated};

/// How many Certificates are named.
const NAMED: usize = 5;

/// A rule on versions whose version reads Certificates in another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingRule {
    /// The rule's name.
    pub id: String,
    /// What differs.
    pub reader: Reader,
}

/// What an upgrade would issue again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeseenReissue {
    /// How many, which and why, and what is allowed, in one line.
    pub message: String,
    /// More than the budget allows.
    pub is_over_budget: bool,
}

/// What would be issued again by a version of which these rules speak; nothing where nothing would be. Two
/// Certificates that share a Secret are another rule's, whatever is upgraded.
pub fn foresee(
    rules: &[ReadingRule],
    certificates: &[ReadCertificate],
    budget: ReissueBudget,
) -> Option<ForeseenReissue> {
    let shared = shared_secrets(certificates);
    let own = |certificate: &&ReadCertificate| !shared.contains(&place(certificate));
    let mut found: Vec<&ReadCertificate> = Vec::new();
    let mut reasons = Vec::new();
    for certificate in certificates.iter().filter(own) {
        let rule = rules.iter().find(|rule| rule.reader.takes_for_changed(certificate));
        found.extend(rule.map(|_| certificate));
        reasons.extend(rule.filter(|rule| !reasons.contains(rule)));
    }
    if found.is_empty() {
        return None;
    }
    let titles: Vec<String> =
        found.iter().map(|certificate| format!("{}/{}", certificate.namespace, certificate.name)).collect();
    let reasons: Vec<String> =
        reasons.iter().map(|rule| format!("{} ({})", rule.reader.words(), rule.id)).collect();
    let domains =
        Domains::of(found.iter().flat_map(|certificate| &certificate.dns_names).map(String::as_str));
    Some(ForeseenReissue {
        message: format!(
            "{} of {} Certificates would be issued again at once, because {}: {}{}; {}",
            found.len(),
            certificates.len(),
            reasons.join(", and "),
            first_of(&titles, NAMED),
            domains.clause(),
            budget.words()
        ),
        is_over_budget: budget.is_exceeded(found.len(), certificates.len()),
    })
}

fn place(certificate: &ReadCertificate) -> (&str, &str) {
    (&certificate.namespace, &certificate.secret)
}

fn shared_secrets(certificates: &[ReadCertificate]) -> BTreeSet<(&str, &str)> {
    repeated(certificates.iter().map(place).filter(|(_, secret)| !secret.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::super::reader::SecretAnnotations;
    use super::*;
    use crate::certmanager::resources::IssuerReference;

    fn rules() -> Vec<ReadingRule> {
        vec![
            ReadingRule { id: "defaults".to_owned(), reader: Reader::IssuerDefaults },
            ReadingRule { id: "annotations".to_owned(), reader: Reader::SecretAnnotations },
        ]
    }

    /// `short`: its request leaves out the group; `foreign`: its Secret names another Certificate.
    fn certificate(name: &str, short: bool, foreign: bool) -> ReadCertificate {
        let group = if short { "" } else { "cert-manager.io" };
        let issuer =
            IssuerReference { name: "ca".to_owned(), kind: "Issuer".to_owned(), group: group.to_owned() };
        let certificate = Some(if foreign { "other" } else { name }.to_owned());
        ReadCertificate {
            namespace: "web".to_owned(),
            name: name.to_owned(),
            secret: name.to_owned(),
            requested: Some(issuer.clone()),
            issuer,
            dns_names: vec![format!("{name}.example.com")],
            annotated: Some(SecretAnnotations { certificate, ..SecretAnnotations::default() }),
            ..ReadCertificate::default()
        }
    }

    #[test]
    fn each_certificate_counts_once_and_those_that_share_a_secret_not_at_all() {
        let certificates = |marks: &[(bool, bool)]| {
            let one = |(index, (short, foreign)): (usize, &(bool, bool))| {
                certificate(&format!("c{index}"), *short, *foreign)
            };
            marks.iter().enumerate().map(one).collect::<Vec<_>>()
        };
        let of_shared = || {
            let mut shared = certificates(&[(true, false), (true, true)]);
            for certificate in &mut shared {
                certificate.secret = "one".to_owned();
            }
            shared
        };
        let table = [
            (certificates(&[(false, false), (false, false)]), None),
            (certificates(&[(true, false), (true, true), (false, true)]), Some("3 of 3")),
            (certificates(&[(false, false), (false, true)]), Some("1 of 2")),
            (of_shared(), None),
        ];
        for (certificates, expected) in table {
            let foreseen = foresee(&rules(), &certificates, ReissueBudget(None));
            let told = foreseen.as_ref().map(|foreseen| foreseen.message.as_str());
            assert_eq!(told.is_some(), expected.is_some(), "{told:?}");
            assert!(told.unwrap_or_default().starts_with(expected.unwrap_or_default()), "{told:?}");
        }
        assert_eq!(foresee(&[], &certificates(&[(true, true)]), ReissueBudget(None)), None);
    }

    #[test]
    fn the_message_names_them_and_the_budget_decides() {
        let certificates: Vec<ReadCertificate> =
            (0..7).map(|index| certificate(&format!("c{index}"), index < 6, index == 6)).collect();
        let over = foresee(&rules(), &certificates, ReissueBudget(Some(6))).unwrap();
        assert!(over.is_over_budget);
        assert!(!foresee(&rules(), &certificates, ReissueBudget(Some(7))).unwrap().is_over_budget);
        insta::assert_snapshot!(over.message);
    }
}
