//! What looks like a secret in a text that somebody else wrote: an error of a library, a log, a manifest.
//!
//! It errs on the side of hiding; a secret that looks like any other word is not found. What stands between
//! quotes stays there, so that JSON and YAML stay what they are.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Forms of secrets; the first group is the secret itself. None of them takes a quote or a lone backslash.
const FORMS: [&str; 8] = [
    // Query parameters, also of a presigned address.
    r#"(?i)[?&;][\w.-]*(?:token|secret|passw|pwd|signature|sig|key|credential|auth)[\w.-]*=([^&\s"'<>\\`]+)"#,
    // Headers, as `curl -v` or a dumped request shows them.
    r#"(?i)\bauthorization["']?\s*[:=]\s*["']?((?:[a-z]+\s+)?[^\s"'\\,;]+)"#,
    r"(?i)\b(?:bearer|basic)\s+([a-z0-9+/=._~-]{16,})",
    r#"(?i)\b(?:set-cookie|cookie|x-[a-z-]*token|private-token)["']?:\s*["']?([^\s"'\\,;]+)"#,
    // Settings and flags.
    r#"(?i)(?:passwd|password|client[-_]?secret|api[-_]?key|secret[-_]?access[-_]?key|token)(?:=|["']:\s?)["']?([^\s"',;&{}\[\]<>$(*\\`][^\s"',;&{}\[\]<>\\`]*)"#,
    // Tokens that say themselves what they are: GitHub, GitLab, Slack, AWS, Vault, JSON web tokens.
    r"\b(gh[pousr]_\w{8,}|github_pat_\w{8,}|glpat-[\w-]{8,}|xox[abeprs]-[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16})",
    r"\b(hv[sb]\.[\w-]{20,}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*)",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----((?:\\[nr]|[A-Za-z0-9+/=\s:,]|-[A-Za-z])*)",
];

/// How cert-manager speaks of an authorization of ACME, which is no header.
const ACME: [&str; 3] = ["accepting authorization: ", "waiting for authorization: ", "fetch authorization: "];

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let pattern = |form: &&str| Regex::new(form).expect("the patterns are constants, and a test uses each");
    FORMS.iter().map(pattern).collect()
});

/// The text with `***` in place of every secret that is found in it.
pub fn text(text: &str) -> String {
    replaced(text, |_| "***".to_owned())
}

/// The text with a star in place of every character of a secret, so that what stands behind keeps its place.
pub fn same_width(text: &str) -> String {
    replaced(text, |secret| secret.chars().map(|c| if c.is_whitespace() { c } else { '*' }).collect())
}

/// Whether a user name looks like a token: it says so itself, or no person would choose it.
pub fn looks_like_token(name: &str) -> bool {
    let random = name.len() >= 20 && name.contains(|c: char| c.is_ascii_digit());
    random || !secrets(name).is_empty()
}

fn replaced(text: &str, instead: impl Fn(&str) -> String) -> String {
    let (mut shown, mut end) = (String::with_capacity(text.len()), 0);
    for secret in secrets(text) {
        shown.push_str(&text[end..secret.start]);
        shown.push_str(&instead(&text[secret.clone()]));
        end = secret.end;
    }
    shown + &text[end..]
}

fn is_of_acme(before: &str) -> bool {
    ACME.iter().any(|words| before.ends_with(words))
}

/// Where the secrets are, in order and apart from each other.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = user_information(text);
    for pattern in PATTERNS.iter() {
        let secret = pattern.captures_iter(text).filter_map(|found| Some(found.get(1)?.range()));
        found.extend(secret);
    }
    // What is hidden already stays as it is.
    found.retain(|range| text[range.clone()].contains(|c| c != '*') && !is_of_acme(&text[..range.start]));
    found.sort_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in found {
        match apart.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// The user information of every URL. The user of ssh alone is none: it proves itself with a key.
fn user_information(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (colon, _) in text.match_indices("://") {
        let start = colon + 3;
        let end = text[start..].find(|c: char| c.is_whitespace() || "\"'`<>\\".contains(c));
        let url = &text[start..end.map_or(text.len(), |end| start + end)];
        let Some(at) = at_sign(url).filter(|at| *at > 0) else { continue };
        if !text[..colon].ends_with("ssh") || url[..at].contains(':') {
            found.push(start..start + at);
        }
    }
    found
}

/// Where the user information of a URL without its scheme ends. A password may hold a `/` that should have
/// been escaped: then what stands before it is no port.
fn at_sign(url: &str) -> Option<usize> {
    let authority = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
    authority.rfind('@').or_else(|| {
        let (_, port) = authority.rsplit_once(':')?;
        if port.chars().all(|c| c.is_ascii_digit()) { None } else { url.rfind('@') }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written, and what is shown of it.
    const TABLE: [(&str, &str); 29] = [
        ("reach https://hunter2@example.com/x: refused", "reach https://***@example.com/x: refused"),
        ("https://a:b@c@example.com", "https://***@example.com"),
        ("https://me:hun/ter2@example.com/x", "https://***@example.com/x"),
        ("http://127.0.0.1:8080/@scope", "http://127.0.0.1:8080/@scope"),
        ("git+ssh://git@example.com/x", "git+ssh://git@example.com/x"),
        ("ssh://git:hunter2@example.com/x", "ssh://***@example.com/x"),
        ("http_proxy=http://me:hunter2@proxy:3128", "http_proxy=http://***@proxy:3128"),
        (
            "\"url\": \"https://hunter2@example.com\", \"a\": 1",
            "\"url\": \"https://***@example.com\", \"a\": 1",
        ),
        ("GET /x?private_token=hunter2&page=1", "GET /x?private_token=***&page=1"),
        ("https://s3/x?X-Amz-Signature=ab12&X-Amz-Date=1", "https://s3/x?X-Amz-Signature=***&X-Amz-Date=1"),
        ("> Authorization: Bearer hunter2", "> Authorization: ***"),
        ("Error accepting authorization: acme: no TXT", "Error accepting authorization: acme: no TXT"),
        ("Failed to fetch authorization: 404 not found", "Failed to fetch authorization: 404 not found"),
        ("{\"Authorization\":\"Basic aHVudGVyMg==\"}", "{\"Authorization\":\"***\"}"),
        ("sent bearer abcdefghijklmnop1", "sent bearer ***"),
        ("basic authentication is off", "basic authentication is off"),
        ("X-Vault-Token: hunter2", "X-Vault-Token: ***"),
        ("PRIVATE-TOKEN: hunter2", "PRIVATE-TOKEN: ***"),
        ("args: [--password=hunter2, --v=2]", "args: [--password=***, --v=2]"),
        ("{\"clientSecret\": \"hunter2\"}", "{\"clientSecret\": \"***\"}"),
        ("password: { env: NAME }", "password: { env: NAME }"),
        ("--token=$TOKEN --api-key=x1", "--token=$TOKEN --api-key=***"),
        ("\"secret\"=\"cert-manager/web-tls\"", "\"secret\"=\"cert-manager/web-tls\""),
        ("ghp_SECRETTOKEN of github_pat_11ABCDEFG_x", "*** of ***"),
        ("glpat-abcdefgh12 AKIAABCDEFGHIJKLMNOP", "*** ***"),
        ("jwt eyJhbGciOiJI.eyJzdWIiOiIx.sig-1", "jwt ***"),
        ("hvs.abcdefghijklmnopqrstu", "***"),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nMII+/=\nabc\n-----END RSA PRIVATE KEY-----\nb",
            "a\n-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----\nb",
        ),
        (
            "{\"k\":\"-----BEGIN PRIVATE KEY-----\\nMII\\n\",\"v\":1}",
            "{\"k\":\"-----BEGIN PRIVATE KEY-----***\",\"v\":1}",
        ),
    ];

    #[test]
    fn what_looks_like_a_secret_is_hidden_and_nothing_else() {
        for (written, shown) in TABLE {
            assert_eq!(text(written), shown, "{written}");
            assert_eq!(text(shown), shown, "hiding twice changes nothing");
            assert_eq!(same_width(written).chars().count(), written.chars().count(), "{written}");
        }
    }

    #[test]
    fn a_user_name_that_is_a_token() {
        for (name, token) in [
            ("ghp_SECRETTOKEN", true),
            ("glpat-abcdefgh12", true),
            ("0123456789abcdef0123456789abcdef01234567", true),
            ("git", false),
            ("oauth2", false),
            ("firstname.lastname-of-somebody", false),
        ] {
            assert_eq!(looks_like_token(name), token, "{name}");
        }
    }
}
