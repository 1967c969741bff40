//! A URL's parts.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::escape::{Place, escape, unescape};
use crate::helm::template::print;

/// A URL taken apart.
#[derive(Debug, Default)]
pub(super) struct Url {
    pub(super) scheme: Vec<u8>,
    pub(super) opaque: Vec<u8>,
    pub(super) user: Option<UserInfo>,
    pub(super) host: Vec<u8>,
    pub(super) path: Vec<u8>,
    pub(super) query: Vec<u8>,
    pub(super) fragment: Vec<u8>,
}

/// `user:password`; the password may be absent.
#[derive(Debug)]
pub(super) struct UserInfo {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

impl UserInfo {
    /// As it stands in a URL.
    pub(super) fn written(&self) -> Vec<u8> {
        let mut out = escape(&self.name, Place::UserPassword);
        if let Some(password) = &self.password {
            out.push(b':');
            out.extend(escape(password, Place::UserPassword));
        }
        out
    }
}

/// Takes a URL apart; the error is Go's.
pub(super) fn parse(text: &[u8]) -> Result<Url, String> {
    let (body, fragment) = cut(text, b'#').unwrap_or((text, b""));
    let wrong = |text: &[u8], error: String| format!("parse {}: {error}", print::quote(text, false));
    let mut url = without_fragment(body).map_err(|error| wrong(body, error))?;
    url.fragment = unescape(fragment, Place::Fragment).map_err(|error| wrong(text, error))?;
    Ok(url)
}

/// Before and after the first of a byte.
fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == at)?;
    Some((&text[..at], &text[at + 1..]))
}

fn without_fragment(text: &[u8]) -> Result<Url, String> {
    if text.iter().any(u8::is_ascii_control) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    let (scheme, rest) = scheme(text)?;
    let mut url = Url { scheme: scheme.to_ascii_lowercase(), ..Url::default() };
    let (rest, query) = cut(rest, b'?').unwrap_or((rest, b""));
    url.query = query.to_vec();
    if !rest.starts_with(b"/") {
        if !scheme.is_empty() {
            url.opaque = rest.to_vec();
            return Ok(url);
        }
        if cut(rest, b'/').map_or(rest, |(first, _)| first).contains(&b':') {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    let mut path = rest;
    if rest.starts_with(b"//") && (!scheme.is_empty() || !rest.starts_with(b"///")) {
        let end = rest[2..].iter().position(|byte| *byte == b'/').map_or(rest.len(), |at| at + 2);
        path = &rest[end..];
        (url.user, url.host) = authority(&url.scheme, &rest[2..end])?;
    }
    url.path = unescape(path, Place::Path)?;
    Ok(url)
}

/// The scheme, which may be missing, and what follows its colon.
fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

fn authority(scheme: &[u8], text: &[u8]) -> Result<(Option<UserInfo>, Vec<u8>), String> {
    let Some(at) = text.iter().rposition(|byte| *byte == b'@') else {
        return Ok((None, host(scheme, text)?));
    };
    let host = host(scheme, &text[at + 1..])?;
    Ok((Some(user_info(&text[..at])?), host))
}

/// Reads `user:password`.
pub(super) fn user_info(text: &[u8]) -> Result<UserInfo, String> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
    if !text.iter().all(fits) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    let (name, password) = cut(text, b':').map_or((text, None), |(name, password)| (name, Some(password)));
    let name = unescape(name, Place::UserPassword)?;
    Ok(UserInfo {
        name,
        password: password.map(|password| unescape(password, Place::UserPassword)).transpose()?,
    })
}

fn host(scheme: &[u8], text: &[u8]) -> Result<Vec<u8>, String> {
    match text.iter().rposition(|byte| *byte == b'[') {
        Some(0) => return literal(text),
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    let is_web = matches!(scheme, b"http" | b"https");
    let colon = if is_web {
        text.iter().position(|byte| *byte == b':')
    } else {
        text.iter().rposition(|byte| *byte == b':')
    };
    if let Some(at) = colon {
        port(&text[at..])?;
    }
    unescape(text, Place::Host)
}

/// `[::1]:80`.
fn literal(text: &[u8]) -> Result<Vec<u8>, String> {
    let end = text.iter().rposition(|byte| *byte == b']').ok_or("missing ']' in host")?;
    port(&text[end + 1..])?;
    let name = &text[1..end];
    let zone = name.windows(3).position(|window| window == b"%25").unwrap_or(name.len());
    let mut host = unescape(&name[..zone], Place::Host)?;
    let address = String::from_utf8_lossy(&host).into_owned();
    host.extend(unescape(&name[zone..], Place::Zone)?);
    if address.parse::<Ipv4Addr>().is_ok() {
        return Err("invalid IP-literal".to_owned());
    }
    if address.parse::<Ipv6Addr>().is_err() {
        return Err(format!("invalid host: ParseAddr({}): unable to parse IP", print::quote(&host, false)));
    }
    Ok([b"[", host.as_slice(), b"]", &text[end + 1..]].concat())
}

/// Nothing, or a colon and digits.
fn port(text: &[u8]) -> Result<(), String> {
    if is_port(text) { Ok(()) } else { Err(format!("invalid port {} after host", print::quote(text, false))) }
}

fn is_port(text: &[u8]) -> bool {
    text.split_first().is_none_or(|(first, digits)| *first == b':' && digits.iter().all(u8::is_ascii_digit))
}

/// A host without its port and brackets.
pub(super) fn hostname(host: &[u8]) -> &[u8] {
    let end =
        host.iter().rposition(|byte| *byte == b':').filter(|at| is_port(&host[*at..])).unwrap_or(host.len());
    let name = &host[..end];
    name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let url = parse(b"HTTP://u:p%20@[fe80::1%25en0]:80/a%2Fb?q#f%20").unwrap();
        let parts =
            [&url.scheme, &url.host, &url.path, &url.query, &url.fragment, &url.user.unwrap().written()];
        assert_eq!(
            parts.map(|part| String::from_utf8_lossy(part)),
            ["http", "[fe80::1%en0]:80", "/a/b", "q", "f ", "u:p%20"]
        );
        assert_eq!(hostname(b"[::1]:80"), b"::1");
        assert_eq!(hostname(b"h:x"), b"h:x");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in r"[a-c:/?#@%\[\]0-9. ]{0,20}") {
            let _ = parse(text.as_bytes());
        }
    }
}
