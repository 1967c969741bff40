//! Tar entries as Go's `archive/tar` writes them for Helm: regular files, USTAR, PAX records only where a
//! name does not fit.

use tar::{EntryType, Header};

const NAME: usize = 100;
const PREFIX: usize = 155;
const BLOCK: usize = 512;
/// The latest time that the eleven octal digits of a header hold.
const LATEST: i64 = 0o777_7777_7777;

/// Appends one file; every entry gets the same owner (none), mode (0644) and time (Unix seconds).
pub(super) fn append(out: &mut Vec<u8>, name: &str, data: &[u8], mtime: i64) {
    let mut header = header(EntryType::Regular, data.len(), 0o644, mtime);
    header.set_device_major(0).and_then(|()| header.set_device_minor(0)).unwrap_or_default();
    if let Some((prefix, name)) = split(name) {
        put_name(&mut header, prefix, name);
    } else {
        append_pax(out, name);
        put_name(&mut header, "", &shortened(&ascii(name)));
    }
    append_block(out, header, data);
}

/// Two empty blocks end an archive.
pub(super) fn finish(out: &mut Vec<u8>) {
    out.resize(out.len() + 2 * BLOCK, 0);
}

/// The record that holds a name which the header cannot.
fn append_pax(out: &mut Vec<u8>, name: &str) {
    let (directory, file) = name.rsplit_once('/').unwrap_or(("", name));
    let separator = if directory.is_empty() { "" } else { "/" };
    let record = pax_record("path", name);
    let mut header = header(EntryType::XHeader, record.len(), 0, 0);
    let mut record_name = ascii(&format!("{directory}{separator}PaxHeaders.0/{file}"));
    record_name.truncate(NAME);
    put_name(&mut header, "", record_name.trim_end_matches('/'));
    append_block(out, header, record.as_bytes());
}

/// `<length> <key>=<value>\n`, the length counting its own digits.
fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

fn header(kind: EntryType, size: usize, mode: u32, mtime: i64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size as u64);
    header.set_mtime(u64::try_from(mtime.clamp(0, LATEST)).unwrap_or(0));
    header
}

fn put_name(header: &mut Header, prefix: &str, name: &str) {
    if let Some(ustar) = header.as_ustar_mut() {
        ustar.name[..name.len()].copy_from_slice(name.as_bytes());
        ustar.prefix[..prefix.len()].copy_from_slice(prefix.as_bytes());
    }
}

fn append_block(out: &mut Vec<u8>, mut header: Header, data: &[u8]) {
    header.as_old_mut().cksum = *b"        ";
    let sum: u32 = header.as_bytes().iter().map(|byte| u32::from(*byte)).sum();
    // Go writes six digits, NUL, space.
    header.as_old_mut().cksum.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// The header's two name fields, if the name is ASCII and fits.
fn split(name: &str) -> Option<(&str, &str)> {
    if !name.is_ascii() || name.contains('\0') {
        return None;
    }
    if name.len() <= NAME {
        return Some(("", name));
    }
    let at = name[..name.len().min(PREFIX + 1)].rfind('/').filter(|at| *at > 0)?;
    let (prefix, name) = (&name[..at], &name[at + 1..]);
    (!name.is_empty() && name.len() <= NAME && prefix.len() <= PREFIX).then_some((prefix, name))
}

fn ascii(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii() && *c != '\0').collect()
}

/// A name cut to its field; a cut that would end in `/` loses it, since some readers take that for a
/// directory.
fn shortened(name: &str) -> String {
    if name.len() <= NAME {
        return name.to_owned();
    }
    name[..NAME].trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(out: &[u8]) -> Vec<(u8, String)> {
        let mut archive = tar::Archive::new(out);
        let entries = archive.entries().unwrap().raw(true);
        entries
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.header().entry_type().as_byte(),
                    String::from_utf8(entry.path_bytes().into_owned()).unwrap(),
                )
            })
            .collect()
    }

    fn written(name: &str) -> Vec<(u8, String)> {
        let mut out = Vec::new();
        append(&mut out, name, b"x", 0);
        finish(&mut out);
        names(&out)
    }

    #[test]
    fn short_and_splittable_names_need_no_pax() {
        assert_eq!(written("demo/Chart.yaml"), [(b'0', "demo/Chart.yaml".to_owned())]);
        let splittable = format!("{}/{}", "d".repeat(150), "f".repeat(90));
        assert_eq!(written(&splittable), [(b'0', splittable)]);
    }

    #[test]
    fn other_names_get_a_pax_record() {
        for name in
            [format!("demo/{}", "f".repeat(101)), "demo/é.txt".to_owned(), format!("{}/x", "d".repeat(160))]
        {
            let entries = written(&name);
            assert_eq!(entries.len(), 2, "{name}");
            assert_eq!(entries[0].0, b'x');
            let mut out = Vec::new();
            append(&mut out, &name, b"x", 0);
            finish(&mut out);
            let mut archive = tar::Archive::new(out.as_slice());
            let read = archive.entries().unwrap().next().unwrap().unwrap().path().unwrap().into_owned();
            assert_eq!(read.to_str().unwrap(), name);
        }
    }

    #[test]
    fn the_length_of_a_record_counts_itself() {
        assert_eq!(pax_record("path", "a"), "9 path=a\n");
        assert_eq!(pax_record("path", &"a".repeat(90)).split(' ').next(), Some("99"));
        assert_eq!(pax_record("path", &"a".repeat(91)).split(' ').next(), Some("101"));
    }

    #[test]
    fn times_beyond_the_field_are_clamped() {
        for (mtime, expected) in [(-5, 0), (i64::MAX, LATEST.unsigned_abs()), (1_700_000_000, 1_700_000_000)]
        {
            let mut out = Vec::new();
            append(&mut out, "a", b"", mtime);
            assert_eq!(Header::from_byte_slice(&out[..BLOCK]).mtime().unwrap(), expected);
        }
    }
}
