//! Whether a message speaks of something outside the release: a rate limit, the CA, DNS or the network. A
//! rollback would not help there.

/// What the CA, DNS servers and Go's network code write when the trouble is theirs; lower case.
const OUTSIDE: [&str; 22] = [
    "urn:ietf:params:acme:error:",
    "acme server",
    "acme client for issuer not initialised",
    "dns update failed",
    "dns record for",
    "servfail",
    "nxdomain",
    "refused",
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
    "too many requests",
    "service unavailable",
    "internal server error",
];

/// The CA refuses more requests: every further try makes it worse, on every cluster that shares the account
/// or the domain.
pub fn is_rate_limited(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("ratelimited")
        || message.contains("too many certificates")
        || message.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "429")
}

/// The message speaks of the CA, DNS or the network.
pub fn is_outside(message: &str) -> bool {
    let lower = message.to_lowercase();
    is_rate_limited(message) || OUTSIDE.iter().any(|literal| lower.contains(literal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_of_the_ca_dns_and_network_is_outside() {
        for message in [
            "Failed to create Order: 429 urn:ietf:params:acme:error:rateLimited: too many certificates already issued",
            "DNS update failed. Server replied: REFUSED",
            "Get \"https://acme.example.com/dir\": dial tcp: lookup acme.example.com: no such host",
            "Could not find the start of authority for x.example.com.: SERVFAIL",
            "Time limit exceeded. Last error: ",
        ] {
            assert!(is_outside(message), "{message}");
        }
        assert!(is_rate_limited("429 urn:ietf:params:acme:error:rateLimited"));
    }

    #[test]
    fn anything_else_is_not() {
        for message in [
            "secrets \"aws\" not found",
            "unable to assume role: Invalid Configuration: Missing Region",
            "panic: runtime error",
        ] {
            assert!(!is_outside(message), "{message}");
        }
        assert!(!is_rate_limited("DNS update failed. Server replied: REFUSED"));
        assert!(!is_rate_limited("order shop-1-3429817 not found"));
    }
}
