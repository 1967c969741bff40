//! What the words of a message are a sign of: a rate limit, the CA, DNS or the network, or a part of the release
//! itself. Words are a weak sign: whoever has a better one asks that first.

/// What a message is a sign of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The CA takes no more requests for a while.
    RateLimit,
    /// A part of the release: its permissions, its webhook, a panic.
    OwnPart,
    /// The CA, DNS or the network: a rollback would not help.
    Outside,
    /// Nothing that is known.
    Nothing,
}

/// What cert-manager and the API server write when a part of cert-manager does not work; lower case.
const OWN_PARTS: [&str; 6] = [
    "is forbidden: user \"system:serviceaccount:",
    "failed calling webhook \"webhook.cert-manager.io\"",
    "panic: ",
    "no matches for kind",
    "cannot set blockownerdeletion",
    "invalid configuration: missing region",
];

/// What CAs, DNS servers, clouds and Go's network code write when the trouble is theirs; lower case.
const OUTSIDE: [&str; 40] = [
    "urn:ietf:params:acme:error:",
    "acme server",
    "acme client for issuer not initialised",
    "dns update failed",
    "dns record for",
    "server replied: refused",
    "connection refused",
    "servfail",
    "nxdomain",
    "no such host",
    "server misbehaving",
    "could not find the start of authority",
    "could not determine the zone",
    "unexpected response code",
    "dial tcp",
    "i/o timeout",
    "connection reset",
    "tls handshake timeout",
    "deadline exceeded",
    "time limit exceeded",
    "context canceled",
    "no route to host",
    "network is unreachable",
    "too many requests",
    "toomanyrequests",
    "throttling",
    "rate exceeded",
    "priorrequestnotcomplete",
    "expiredtoken",
    "invalididentitytoken",
    "certificate has expired or is not yet valid",
    "is sealed",
    "code: 403",
    "code: 50",
    "bad gateway",
    "gateway time",
    "service unavailable",
    "internal server error",
    "unexpected eof",
    ": eof",
];

/// What `message` is a sign of.
pub fn sign(message: &str) -> Sign {
    let lower = message.to_lowercase();
    let speaks = |of: &[&str]| of.iter().any(|literal| lower.contains(literal));
    match () {
        () if is_rate_limited(&lower) => Sign::RateLimit,
        () if speaks(&OWN_PARTS) => Sign::OwnPart,
        () if speaks(&OUTSIDE) => Sign::Outside,
        () => Sign::Nothing,
    }
}

/// The CA refuses more requests: every further try makes it worse, on every cluster that shares the account
/// or the domain.
fn is_rate_limited(lower: &str) -> bool {
    lower.contains("ratelimited")
        || lower.contains("too many certificates")
        || lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "429")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_a_sign_of_one_thing() {
        let table = [
            (
                "Failed to create Order: 429 urn:ietf:params:acme:error:rateLimited: too many certificates",
                Sign::RateLimit,
            ),
            ("DNS update failed. Server replied: REFUSED", Sign::Outside),
            (
                "Get \"https://acme.example.com/dir\": dial tcp: lookup acme.example.com: no such host",
                Sign::Outside,
            ),
            ("Could not find the start of authority for x.example.com.: SERVFAIL", Sign::Outside),
            ("Vault failed to sign certificate: Code: 503. Errors: * Vault is sealed", Sign::Outside),
            ("Vault failed to sign certificate: Code: 403. Errors: * permission denied", Sign::Outside),
            ("api error Throttling: Rate exceeded", Sign::Outside),
            ("api error PriorRequestNotComplete: ", Sign::Outside),
            ("api error ExpiredTokenException: ", Sign::Outside),
            ("InvalidIdentityToken: No OpenIDConnect provider found", Sign::Outside),
            ("502 Bad Gateway", Sign::Outside),
            ("504 Gateway Time-out", Sign::Outside),
            ("Post \"https://vault:8200/v1\": EOF", Sign::Outside),
            ("read: no route to host", Sign::Outside),
            ("x509: certificate has expired or is not yet valid", Sign::Outside),
            ("admission webhook \"x\" denied the request: quota refused", Sign::Nothing),
            ("secrets \"aws\" not found", Sign::Nothing),
            ("unable to assume role: Invalid Configuration: Missing Region", Sign::OwnPart),
            ("panic: runtime error", Sign::OwnPart),
            (
                "failed calling webhook \"webhook.cert-manager.io\": dial tcp: connection refused",
                Sign::OwnPart,
            ),
            (
                "challenges is forbidden: User \"system:serviceaccount:cert-manager:cert-manager\" cannot",
                Sign::OwnPart,
            ),
            ("order shop-1-3429817 not found", Sign::Nothing),
        ];
        for (message, expected) in table {
            assert_eq!(sign(message), expected, "{message}");
        }
    }
}
