//! Functions on slash-separated paths. Go's `filepath` does the same on Unix, so the `os` names share the
//! code.

use super::{fixed, text};
use crate::helm::template::function::{Function, Parameter::Str};

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("base", &[Str], |_, a| text(base(a.text(0)))),
    fixed("dir", &[Str], |_, a| text(dir(a.text(0)))),
    fixed("clean", &[Str], |_, a| text(clean(a.text(0)))),
    fixed("ext", &[Str], |_, a| text(ext(a.text(0)))),
    fixed("isAbs", &[Str], |_, a| Ok(a.text(0).starts_with(b"/").into())),
    fixed("osBase", &[Str], |_, a| text(base(a.text(0)))),
    fixed("osDir", &[Str], |_, a| text(dir(a.text(0)))),
    fixed("osClean", &[Str], |_, a| text(clean(a.text(0)))),
    fixed("osExt", &[Str], |_, a| text(ext(a.text(0)))),
    fixed("osIsAbs", &[Str], |_, a| Ok(a.text(0).starts_with(b"/").into())),
];

fn base(path: &[u8]) -> &[u8] {
    let Some(end) = path.iter().rposition(|byte| *byte != b'/') else {
        return if path.is_empty() { b"." } else { b"/" };
    };
    let start = path[..=end].iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    &path[start..=end]
}

fn dir(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    clean(&path[..end])
}

fn ext(path: &[u8]) -> &[u8] {
    let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    path[start..].iter().rposition(|byte| *byte == b'.').map_or(b"", |at| &path[start + at..])
}

/// The shortest path that means the same.
fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut kept: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if kept.last().is_some_and(|last| *last != b"..") => drop(kept.pop()),
            b".." if rooted => {}
            part => kept.push(part),
        }
    }
    let joined = kept.join(b"/".as_slice());
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_paths() {
        let cases = [
            ("a/b.tar.gz", "b.tar.gz", "a", "a/b.tar.gz", ".gz"),
            ("/a/../../b/", "b", "/b", "/b", ""),
            ("a//./b/..", "..", "a/b", "a", "."),
            ("", ".", ".", ".", ""),
            ("///", "/", "/", "/", ""),
            ("../x", "x", "..", "../x", ""),
            (".a", ".a", ".", ".a", ".a"),
            ("a.b/c", "c", "a.b", "a.b/c", ""),
        ];
        for (path, expected_base, expected_dir, expected_clean, expected_ext) in cases {
            let path = path.as_bytes();
            let found = [base(path).to_vec(), dir(path), clean(path), ext(path).to_vec()]
                .map(|part| String::from_utf8(part).unwrap());
            assert_eq!(found, [expected_base, expected_dir, expected_clean, expected_ext].map(String::from));
        }
    }
}
