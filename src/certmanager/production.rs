//! Which ACME directories are the production of a public CA. Pure.

/// Part of the address of a directory, and whose it is; their staging has another one.
const PRODUCTION: [(&str, &str); 4] = [
    ("acme-v02.api.letsencrypt.org", "Let's Encrypt's"),
    ("acme.zerossl.com", "ZeroSSL's"),
    ("dv.acme-v02.api.pki.goog", "Google's"),
    ("api.buypass.com", "Buypass's"),
];

/// Whose production the directory at `server` is, as in "it is Let's Encrypt's production"; a private CA and a
/// staging are nobody's.
pub fn whose(server: &str) -> Option<&'static str> {
    PRODUCTION.iter().find(|(host, _)| server.contains(host)).map(|(_, whose)| *whose)
}
