//! Which of cert-manager's log lines mean something. cert-manager logs errors that are normal; health is
//! judged by objects, lines only explain.

/// What a known line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Normal at any time.
    Benign,
    /// Normal for a minute or two after a start or a change, real if it goes on.
    Passing,
    /// Something is wrong.
    Real,
}

/// Literal parts of lines, of every version from 1.0 to 1.21; the first that fits counts.
const LINES: [(&str, Meaning); 36] = [
    ("re-queuing item due to optimistic locking on resource", Meaning::Benign),
    ("the object has been modified; please apply your changes to the latest version", Meaning::Benign),
    ("propagation check failed", Meaning::Passing),
    ("ACME client for issuer not initialised/available", Meaning::Passing),
    ("TLS handshake error", Meaning::Passing),
    ("owning resource not found in cache", Meaning::Benign),
    ("certificate request has not been approved", Meaning::Benign),
    ("Found a failed CertificateRequest from previous issuance", Meaning::Benign),
    ("garbage collecting old certificate request revision", Meaning::Benign),
    ("cannot cast object DeletedFinalStateUnknown", Meaning::Benign),
    ("Neither --kubeconfig nor --master was specified", Meaning::Benign),
    ("forbidden to retrieve the ca data source", Meaning::Passing),
    ("could not find any ca data in data source for target", Meaning::Passing),
    ("Failed to generate serving certificate, retrying", Meaning::Passing),
    ("Secret resource does not allow direct injection", Meaning::Real),
    ("OnAdd missing Object", Meaning::Real),
    ("OnUpdate missing ObjectOld", Meaning::Real),
    ("error waiting for authorization", Meaning::Real),
    ("urn:ietf:params:acme:error:rateLimited", Meaning::Real),
    ("failed to create Order resource due to bad request", Meaning::Real),
    ("failed to finalize Order resource due to bad request", Meaning::Real),
    ("acme server fatal error", Meaning::Real),
    ("failed to register an ACME account", Meaning::Real),
    ("skipping retrying account registration", Meaning::Real),
    ("failed to determine Route 53 hosted zone ID", Meaning::Real),
    ("failed to change Route 53 record set", Meaning::Real),
    ("unable to assume role", Meaning::Real),
    ("unable to construct route53 provider", Meaning::Real),
    ("Time limit exceeded. Last error:", Meaning::Real),
    ("cannot set blockOwnerDeletion", Meaning::Real),
    ("is forbidden: User \"system:serviceaccount:", Meaning::Real),
    ("leader election lost", Meaning::Passing),
    ("User intervention required: existing private key in Secret", Meaning::Real),
    ("Certificate with unknown certificate.spec.privateKey.rotationPolicy value", Meaning::Real),
    ("Multiple matching CertificateRequest resources exist", Meaning::Real),
    ("panic:", Meaning::Real),
];

/// What `line` means, if it is known.
pub fn meaning(line: &str) -> Option<Meaning> {
    LINES.iter().find(|(literal, _)| line.contains(literal)).map(|(_, meaning)| *meaning)
}

/// The line of `log` that explains a failure best: the last that is known to be real, else the last that is
/// not known to be harmless.
pub fn telling(log: &str) -> Option<&str> {
    let lines = || log.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    lines()
        .find(|line| meaning(line) == Some(Meaning::Real))
        .or_else(|| lines().find(|line| meaning(line).is_none()))
        .or_else(|| lines().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_format_are_known() {
        let table = [
            (
                r#"E0812 10:47:20.110108 1 controller.go:163] cert-manager/certificates-key-manager "msg"="re-queuing item due to error processing" "error"="Operation cannot be fulfilled on certificates.cert-manager.io \"x\": the object has been modified; please apply your changes to the latest version and try again" "key"="a/x""#,
                Some(Meaning::Benign),
            ),
            (
                r#"{"ts":1731962429714.193,"caller":"acmechallenges/sync.go:403","msg":"propagation check failed","err":"..."}"#,
                Some(Meaning::Passing),
            ),
            ("panic: runtime error: invalid memory address", Some(Meaning::Real)),
            ("I0812 10:47:20.110108 1 start.go:75] starting controller", None),
        ];
        for (line, expected) in table {
            assert_eq!(meaning(line), expected, "{line}");
        }
    }

    #[test]
    fn the_telling_line_is_a_real_one_before_an_unknown_one_before_the_last() {
        let benign = "W Neither --kubeconfig nor --master was specified";
        assert_eq!(telling(&format!("panic: boom\ngoroutine 1\n{benign}\n\n")), Some("panic: boom"));
        assert_eq!(telling(&format!("exit\n{benign}\n")), Some("exit"));
        assert_eq!(telling(benign), Some(benign));
        assert_eq!(telling("\n"), None);
    }
}
