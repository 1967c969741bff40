//! The paths that a Rust source names. Reads text: it knows no macros and no types.

/// A path one name longer.
pub(crate) fn joined(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

/// Every path that begins with `crate`, `super` or `self`, as seen from a module, from the crate's root on.
pub(crate) fn paths(code: &str, own: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for prefix in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(prefix).filter(|(at, _)| begins_at(code, *at)) {
            let (mut rest, mut root) = (&code[at..], own);
            while let Some(inner) = rest.strip_prefix("super::") {
                (rest, root) = (inner, &root[..root.len().saturating_sub(1)]);
            }
            let root = if prefix == "crate::" { &[] } else { root };
            expand(rest.strip_prefix(prefix).unwrap_or(rest), root, &mut found);
        }
    }
    found
}

/// Whether a path begins here, and does not go on.
fn begins_at(code: &str, at: usize) -> bool {
    let before = code[..at].chars().next_back().unwrap_or(' ');
    !before.is_alphanumeric() && !"_$:".contains(before)
}

/// The paths of `a::b`, or of `a::{b, c::{d}}`, behind a root.
pub(crate) fn expand(text: &str, root: &[String], found: &mut Vec<Vec<String>>) {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        for item in items(group) {
            expand(item, root, found);
        }
        return;
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let path = match &text[..end] {
        "" | "self" => root.to_vec(),
        name => joined(root, name),
    };
    match text[end..].strip_prefix("::") {
        Some(rest) => expand(rest, &path, found),
        None => found.push(path),
    }
}

/// The items of a group up to its closing brace.
fn items(group: &str) -> Vec<&str> {
    let (mut found, mut level, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => level += 1,
            '}' if level == 0 => {
                found.push(&group[start..at]);
                break;
            }
            '}' => level -= 1,
            ',' if level == 0 => {
                found.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.retain(|item| !item.trim().is_empty());
    found
}

#[test]
fn paths_are_read_from_the_root_on() {
    let code =
        "use super::{b::{C, d}, self}; fn f(_: crate::x::Y) { $crate::no::z(); self::g(); ::super::no() }";
    let own = ["gate".to_owned(), "a".to_owned()];
    let mut found: Vec<String> = paths(code, &own).iter().map(|path| path.join("/")).collect();
    found.sort();
    assert_eq!(found, ["gate", "gate/a/g", "gate/b/C", "gate/b/d", "x/Y"]);
}
