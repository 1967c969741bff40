//! Which upgrade of cert-manager is wise: skipped minors, known-bad patches, and the Kubernetes versions that
//! each minor is tested with.
//!
//! The table is cert-manager's own release notes and incident threads, as data; [`judge_upgrade`] is the only
//! rule on it.

use std::fmt;

/// How strong an advice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing before the upgrade.
    Note,
    /// Not tested together by cert-manager, or known to change behaviour.
    Warn,
    /// Stops the release unless it is allowed by name.
    Refuse,
}

/// One thing to know about an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The name that `--allow` takes.
    pub name: &'static str,
    /// How strong it is.
    pub severity: Severity,
    /// What, and what to do instead.
    pub message: String,
}

/// `--allow` name: the target is a patch with a known, serious defect.
pub const KNOWN_BAD: &str = "known-bad-version";
/// `--allow` name: a minor version is left out.
pub const SKIPPED_MINORS: &str = "skipped-minors";
/// `--allow` name: the cluster's Kubernetes version is not in the tested range.
pub const KUBERNETES_MATRIX: &str = "kubernetes-matrix";
/// `--allow` name: what changes behaviour on the way.
pub const UPGRADE_NOTES: &str = "upgrade-notes";

/// Patches from `.1` to `.2` are bad because of `.3`; `.4` is the one to take.
type Bad = (u64, u64, &'static str, &'static str);

/// One minor version.
struct Minor {
    /// The `x` of `1.x`.
    number: u64,
    /// Kubernetes 1.x, first and last that it is tested with.
    kubernetes: (u64, u64),
    bad: &'static [Bad],
    note: &'static str,
}

const fn row(number: u64, first: u64, last: u64, bad: &'static [Bad], note: &'static str) -> Minor {
    Minor { number, kubernetes: (first, last), bad, note }
}

/// cert-manager 1.0 to 1.21.
const MINORS: [Minor; 22] = [
    row(0, 11, 21, &[], ""),
    row(1, 11, 21, &[], ""),
    row(2, 16, 21, &[], ""),
    row(
        3,
        16,
        21,
        &[(0, 0, "its chart uses a template function that Helm does not have", "1.3.1")],
        "external issuers need an approver with the verb `approve` on `signers`",
    ),
    row(4, 16, 21, &[], "pods run as non-root by default"),
    row(5, 16, 22, &[(0, 4, "HTTP-01 ingresses are refused by some ingress controllers", "1.5.5")], ""),
    row(
        6,
        17,
        22,
        &[
            (0, 0, "JKS keystores get a wrong password", "1.6.3"),
            (1, 1, "HTTP-01 ingresses carry the wrong class", "1.6.3"),
        ],
        "API versions before v1 are no longer served; storedVersions must be [v1]",
    ),
    row(7, 18, 23, &[], "API versions before v1 are gone from the CRDs"),
    row(8, 19, 24, &[], "failed issuances are retried after 1 h, doubling to 32 h"),
    row(9, 20, 24, &[(0, 0, "Route53 with ambient credentials fails", "1.9.1")], ""),
    row(10, 20, 26, &[], "containers are named cert-manager-controller, -webhook and -cainjector"),
    row(11, 21, 27, &[], ""),
    row(12, 22, 32, &[], "every ACME account is registered again at the first start"),
    row(13, 21, 27, &[], "certificates made before the last 1.12 may be issued again"),
    row(14, 24, 31, &[(0, 3, "the chart names a wrong cainjector image", "1.14.4")], ""),
    row(
        15,
        25,
        32,
        &[(0, 1, "AssumeRole fails with a missing region", "1.15.2")],
        "crds.enabled and crds.keep replace installCRDs",
    ),
    row(
        16,
        25,
        32,
        &[(0, 0, "DNS Secrets of ClusterIssuers are looked up in the wrong namespace", "1.16.1")],
        "values are checked against a schema that knows no other keys",
    ),
    row(17, 29, 33, &[], ""),
    row(
        18,
        29,
        33,
        &[(0, 2, "slow CAs and HTTP-01 paths fail, and a Secret may be emptied on renewal", "1.18.3")],
        "private keys rotate at every renewal, old requests are deleted, HTTP-01 paths are of type Exact",
    ),
    row(
        19,
        31,
        35,
        &[(0, 0, "every certificate is issued again", "1.19.1")],
        "the metric label `path` is now `action`",
    ),
    row(
        20,
        32,
        35,
        &[(0, 0, "Orders stay pending on OpenShift", "1.20.2")],
        "containers run as user and group 65532",
    ),
    row(
        21,
        33,
        36,
        &[(0, 0, "the controller panics on certificates that are never renewed", "1.21.1")],
        "some prometheus values are gone; DNS-01 Secrets of issuers are checked",
    ),
];

/// A version of cert-manager or Kubernetes, as far as it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u64,
    minor: u64,
    patch: u64,
}

impl Version {
    /// Reads `v1.11.5`, `1.31+` and `v1.31.5-eks-0a1b2c`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().trim_start_matches('v').split('.').map(|part| {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u64>().ok()
        });
        Some(Self {
            major: parts.next()??,
            minor: parts.next()??,
            patch: parts.next().flatten().unwrap_or(0),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// What to know before cert-manager goes from `from` (absent for a first install) to `to` on Kubernetes
/// `kubernetes`. Versions that cannot be read give no advice: the chart's own version need not be
/// cert-manager's. A downgrade is not judged here.
pub fn judge_upgrade(from: Option<&str>, to: &str, kubernetes: &str) -> Vec<Advice> {
    let Some(to) = Version::parse(to).filter(|version| version.major == 1) else { return Vec::new() };
    let from = from.and_then(Version::parse);
    let mut advice = Vec::new();
    advice.extend(known_bad(to));
    advice.extend(from.and_then(|from| skipped(from, to)));
    advice.extend(Version::parse(kubernetes).and_then(|kubernetes| outside_matrix(to, kubernetes)));
    advice.extend(from.into_iter().flat_map(|from| notes(from, to)));
    advice
}

fn known_bad(to: Version) -> Option<Advice> {
    let minor = MINORS.iter().find(|minor| minor.number == to.minor)?;
    let (.., why, instead) =
        minor.bad.iter().find(|(first, last, ..)| (*first..=*last).contains(&to.patch))?;
    let message = format!("cert-manager {to} is known to be bad: {why}; take {instead} or newer");
    Some(Advice { name: KNOWN_BAD, severity: Severity::Refuse, message })
}

/// cert-manager documents one minor at a time; 1.12 to 1.17 is the one jump that it documents too.
fn skipped(from: Version, to: Version) -> Option<Advice> {
    let documented = to.minor <= from.minor + 1 || (from.minor == 12 && to.minor == 17);
    if from.major != 1 || documented {
        return None;
    }
    let between: Vec<String> = (from.minor + 1..to.minor).map(|minor| format!("1.{minor}")).collect();
    let message = format!(
        "cert-manager {from} to {to} leaves out {}; go through the newest patch of each",
        between.join(", ")
    );
    Some(Advice { name: SKIPPED_MINORS, severity: Severity::Refuse, message })
}

fn outside_matrix(to: Version, kubernetes: Version) -> Option<Advice> {
    let minor = MINORS.iter().find(|minor| minor.number == to.minor)?;
    let (first, last) = minor.kubernetes;
    if (first..=last).contains(&kubernetes.minor) {
        return None;
    }
    let message = format!(
        "cert-manager 1.{} is tested with Kubernetes 1.{first} to 1.{last}; this cluster runs 1.{}",
        to.minor, kubernetes.minor
    );
    Some(Advice { name: KUBERNETES_MATRIX, severity: Severity::Warn, message })
}

fn notes(from: Version, to: Version) -> impl Iterator<Item = Advice> {
    let crossed =
        move |minor: &&Minor| from.minor < minor.number && minor.number <= to.minor && !minor.note.is_empty();
    MINORS.iter().filter(crossed).map(|minor| Advice {
        name: UPGRADE_NOTES,
        severity: Severity::Note,
        message: format!("since cert-manager 1.{}: {}", minor.number, minor.note),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(from: Option<&str>, to: &str, kubernetes: &str) -> Vec<(&'static str, Severity)> {
        let advice = judge_upgrade(from, to, kubernetes);
        advice
            .iter()
            .filter(|advice| advice.severity > Severity::Note)
            .map(|advice| (advice.name, advice.severity))
            .collect()
    }

    #[test]
    fn every_rule_fires_where_it_should() {
        let (bad, skip, matrix) = (
            (KNOWN_BAD, Severity::Refuse),
            (SKIPPED_MINORS, Severity::Refuse),
            (KUBERNETES_MATRIX, Severity::Warn),
        );
        let table = [
            (Some("v1.10.2"), "v1.11.5", "v1.25.3", vec![]),
            (Some("v1.10.2"), "v1.11.5", "v1.36.3", vec![matrix]),
            (Some("v1.10.2"), "v1.12.17", "v1.28.1", vec![skip]),
            (Some("v1.12.17"), "v1.17.4", "v1.31.5-eks-0a1b2c", vec![]),
            (Some("v1.12.17"), "v1.18.3", "1.31+", vec![skip]),
            (Some("v1.18.3"), "v1.19.0", "v1.31.0", vec![bad]),
            (Some("v1.19.1"), "v1.19.0", "v1.31.0", vec![bad]),
            (None, "v1.14.3", "v1.24.0", vec![bad]),
            (None, "v1.14.4", "v1.24.0", vec![]),
            (Some("v1.20.2"), "v1.21.2", "v1.32.0", vec![matrix]),
            (Some("v1.21.2"), "v1.22.0", "v1.40.0", vec![]),
            (None, "0.1.0", "v1.31.0", vec![]),
            (None, "latest", "v1.31.0", vec![]),
        ];
        for (from, to, kubernetes, expected) in table {
            assert_eq!(names(from, to, kubernetes), expected, "{from:?} to {to} on {kubernetes}");
        }
    }

    #[test]
    fn the_messages_say_what_to_do() {
        let all: Vec<String> = judge_upgrade(Some("v1.17.4"), "v1.19.0", "v1.30.0")
            .into_iter()
            .map(|advice| advice.message)
            .collect();
        assert_eq!(
            all,
            [
                "cert-manager 1.19.0 is known to be bad: every certificate is issued again; take 1.19.1 or newer",
                "cert-manager 1.17.4 to 1.19.0 leaves out 1.18; go through the newest patch of each",
                "cert-manager 1.19 is tested with Kubernetes 1.31 to 1.35; this cluster runs 1.30",
                "since cert-manager 1.18: private keys rotate at every renewal, old requests are deleted, HTTP-01 paths are of type Exact",
                "since cert-manager 1.19: the metric label `path` is now `action`",
            ]
        );
    }

    #[test]
    fn the_table_has_a_row_for_every_minor_in_order() {
        assert!(MINORS.iter().enumerate().all(|(index, minor)| minor.number == index as u64));
    }
}
