//! URLs taken apart and put together, by the rules of Go's `net/url`.

use super::{Answer, fixed, nil_dereference, text};
use crate::helm::template::function::{
    Function, FunctionError,
    Parameter::{self, Str},
};
use crate::helm::template::print;
use crate::helm::template::value::{Map, Value};

mod escape;
mod parse;

use escape::{Place, escape};
use parse::{UserInfo, parse, user_info};

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("urlParse", &[Str], |_, a| url_parse(a.text(0))),
    fixed("urlJoin", &[Parameter::Map], |_, a| url_join(a.map(0))),
];

fn url_parse(bytes: &[u8]) -> Answer {
    let url = parse(bytes).map_err(|error| FunctionError::said(format!("unable to parse url: {error}")))?;
    let hostname = parse::hostname(&url.host).to_vec();
    let parts = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", url.user.map(|user| user.written()).unwrap_or_default()),
    ];
    Ok(Value::Map(
        parts.into_iter().map(|(name, part)| (name.into(), Value::Str(part.into()))).collect::<Map>(),
    ))
}

fn url_join(map: Option<&Map>) -> Answer {
    let part = |name: &str| part(map, name);
    let (scheme, host, path) = (part("scheme")?, part("host")?, part("path")?);
    let (query, opaque, fragment) = (part("query")?, part("opaque")?, part("fragment")?);
    let user = joined_user(&part("userinfo")?)?;
    let mut out = Vec::new();
    if !scheme.is_empty() {
        out.extend([scheme.as_slice(), b":"].concat());
    }
    if opaque.is_empty() {
        push_hierarchy(&mut out, !scheme.is_empty(), &host, &path, user.as_ref());
    } else {
        out.extend_from_slice(&opaque);
    }
    if !query.is_empty() {
        out.extend([b"?", query.as_slice()].concat());
    }
    if !fragment.is_empty() {
        out.extend([b"#", escape(&fragment, Place::Fragment).as_slice()].concat());
    }
    text(out)
}

/// The host with its user, and the path.
fn push_hierarchy(out: &mut Vec<u8>, has_scheme: bool, host: &[u8], path: &[u8], user: Option<&UserInfo>) {
    if (has_scheme || !host.is_empty() || user.is_some())
        && (!host.is_empty() || !path.is_empty() || user.is_some())
    {
        out.extend_from_slice(b"//");
        if let Some(user) = user {
            out.extend([user.written().as_slice(), b"@"].concat());
        }
        out.extend_from_slice(&escape(host, Place::Host));
    }
    let path = if path == b"*" { path.to_vec() } else { escape(path, Place::Path) };
    if !path.is_empty() && !path.starts_with(b"/") && !host.is_empty() {
        out.push(b'/');
    }
    // Without this the first part would be taken for a scheme.
    if out.is_empty() && path.split(|byte| *byte == b'/').next().is_some_and(|first| first.contains(&b':')) {
        out.extend_from_slice(b"./");
    }
    out.extend_from_slice(&path);
}

/// A part of the map; a missing one is empty.
fn part(map: Option<&Map>, name: &str) -> Result<Vec<u8>, FunctionError> {
    match map.and_then(|map| map.get(name.as_bytes())) {
        None => Ok(Vec::new()),
        Some(Value::Str(text)) => Ok(text.bytes().to_vec()),
        Some(Value::Nil) => Err(nil_dereference()),
        Some(other) => Err(FunctionError::said(format!(
            "unable to parse {name} key, must be of type string, but {} found",
            other.kind()
        ))),
    }
}

fn joined_user(text: &[u8]) -> Result<Option<UserInfo>, FunctionError> {
    if text.is_empty() {
        return Ok(None);
    }
    let refused = |error: String| {
        let url = print::quote(&[b"proto://", text, b"@host"].concat(), false);
        FunctionError::said(format!("unable to parse userinfo in dict: parse {url}: {error}"))
    };
    user_info(text).map(Some).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined() {
        let join = |parts: &[(&str, &str)]| {
            let map: Map = parts.iter().map(|(name, part)| ((*name).into(), Value::from(*part))).collect();
            print::display(&url_join(Some(&map)).unwrap()).lossy().into_owned()
        };
        assert_eq!(
            join(&[
                ("scheme", "http"),
                ("host", "h"),
                ("path", "a b"),
                ("userinfo", "u:p"),
                ("fragment", "x y")
            ]),
            "http://u:p@h/a%20b#x%20y"
        );
        assert_eq!(join(&[("path", "a:b")]), "./a:b");
        assert_eq!(join(&[]), "");
    }
}
