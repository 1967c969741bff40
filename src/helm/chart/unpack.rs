//! Reading an untrusted `.tgz` into memory: nothing is ever written to disk, sizes are limited, odd names are
//! refused.
//!
//! Links and devices become files with the (usually empty) data of their entry, as in Helm.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use super::{File, MAX_CHART_SIZE, without_bom};

/// What headers and padding may always take, in bytes: a small rest of a budget still holds a few files.
const MARGIN: u64 = 1024 * 1024;

/// Why an archive is not read.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Not gzip at all; what it looks like instead.
    #[error("does not appear to be a gzipped archive; got '{0}'")]
    NotGzip(&'static str),
    /// Broken or cut off.
    #[error("unable to load chart archive")]
    Broken(#[source] io::Error),
    /// No file in it.
    #[error("no files in chart archive")]
    Empty,
    /// Decompresses to more than is allowed.
    #[error("decompressed chart is larger than the maximum size {MAX_CHART_SIZE}")]
    TooLarge,
    /// An absolute path below the first folder.
    #[error("chart illegally contains absolute paths: {0:?}")]
    Absolute(String),
    /// A file beside the chart's folder.
    #[error("chart illegally contains content outside the base directory: {0:?}")]
    OutsideBase(String),
    /// A path that leaves the chart's folder.
    #[error("chart illegally references parent directory: {0:?}")]
    Parent(String),
    /// A drive letter, or a name that is not UTF-8.
    #[error("chart contains illegally named files: {0:?}")]
    Name(String),
    /// A `Chart.yaml` that is not inside a folder.
    #[error("chart yaml not in base directory")]
    ChartOutsideBase,
}

/// How many bytes may still be unpacked; shared by an archive and the archives inside it.
#[derive(Debug)]
pub(super) struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_CHART_SIZE)
    }
}

impl Budget {
    fn take(&mut self, bytes: u64) -> Result<(), UnpackError> {
        // A chart of exactly the maximum is one too large, as in Helm.
        self.0 = self.0.checked_sub(bytes).filter(|left| *left > 0).ok_or(UnpackError::TooLarge)?;
        Ok(())
    }
}

/// The files of an archive in its order, without the folder around them.
pub(super) fn unpack(bytes: &[u8], budget: &mut Budget) -> Result<Vec<File>, UnpackError> {
    if !bytes.starts_with(b"\x1f\x8b\x08") {
        return Err(UnpackError::NotGzip(sniff(bytes)));
    }
    // Headers and padding may take as much again as the files themselves.
    let mut archive =
        tar::Archive::new(Limited { inner: MultiGzDecoder::new(bytes), left: 2 * budget.0 + MARGIN });
    let mut files = Vec::new();
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let raw = entry.path_bytes().into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir()
            || raw.ends_with(b"/")
            || kind.is_pax_global_extensions()
            || kind.is_pax_local_extensions()
        {
            continue;
        }
        let name = inner_name(&raw)?;
        let size = entry.size();
        budget.take(size)?;
        let mut data = Vec::new();
        let read = entry.by_ref().take(size).read_to_end(&mut data).map_err(broken)?;
        if (read as u64) < size {
            return Err(UnpackError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        let modified = entry
            .header()
            .mtime()
            .ok()
            .and_then(|seconds| jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok());
        files.push(File { name, data: without_bom(&data).to_vec(), modified });
    }
    if files.is_empty() {
        return Err(UnpackError::Empty);
    }
    Ok(files)
}

fn broken(error: io::Error) -> UnpackError {
    if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<StreamTooLong>) {
        UnpackError::TooLarge
    } else {
        UnpackError::Broken(error)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the decompressed stream is too long")]
struct StreamTooLong;

/// Fails, rather than ends, when more than the limit is read: a bomb is not a short archive.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| io::Error::other(StreamTooLong))?;
        Ok(read)
    }
}

/// The name inside the chart: the first folder dropped, `\` taken for a separator where there is one, `.` and
/// `..` resolved.
fn inner_name(raw: &[u8]) -> Result<String, UnpackError> {
    let shown = || String::from_utf8_lossy(raw).chars().take(200).collect::<String>();
    let name = str::from_utf8(raw).map_err(|_| UnpackError::Name(shown()))?;
    let separator = if name.contains('\\') { '\\' } else { '/' };
    let (folder, inner) = name.split_once(separator).unwrap_or((name, ""));
    let inner = inner.replace(separator, "/");
    if inner.starts_with('/') {
        return Err(UnpackError::Absolute(shown()));
    }
    let clean = cleaned(&inner);
    if clean.is_empty() {
        return Err(UnpackError::OutsideBase(shown()));
    }
    if clean.starts_with("..") {
        return Err(UnpackError::Parent(shown()));
    }
    let has_drive = matches!(clean.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic());
    if has_drive || clean.contains('\0') {
        return Err(UnpackError::Name(shown()));
    }
    if folder == "Chart.yaml" {
        return Err(UnpackError::ChartOutsideBase);
    }
    Ok(clean)
}

/// A relative path without empty parts, `.` and inner `..`.
fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What bytes that are not gzip look like.
fn sniff(bytes: &[u8]) -> &'static str {
    let head = &bytes[..bytes.len().min(512)];
    let is_text = head.iter().all(|byte| !matches!(byte, 0..=8 | 0xb | 0xe..=0x1a | 0x1c..=0x1f));
    match head {
        [b'P', b'K', 3, 4, ..] => "application/zip",
        [b'%', b'P', b'D', b'F', b'-', ..] => "application/pdf",
        [b'<', b'?', b'x', b'm', b'l', ..] => "text/xml; charset=utf-8",
        _ if head.trim_ascii_start().get(..5).is_some_and(|start| {
            start.eq_ignore_ascii_case(b"<html") || start.eq_ignore_ascii_case(b"<!doc")
        }) =>
        {
            "text/html; charset=utf-8"
        }
        _ if is_text => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// An archive with one entry, its name written raw into the header.
    fn entry(name: &str, kind: tar::EntryType, data: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(data.len() as u64);
        header.set_cksum();
        let mut builder = tar::Builder::new(Vec::new());
        builder.append(&header, data).unwrap();
        builder.into_inner().unwrap()
    }

    fn read(tar: &[u8]) -> Result<Vec<File>, UnpackError> {
        unpack(&gzip(tar), &mut Budget::default())
    }

    fn refusal(name: &str) -> String {
        read(&entry(name, tar::EntryType::Regular, b"x")).unwrap_err().to_string()
    }

    #[test]
    fn hostile_names_are_refused() {
        assert_eq!(
            refusal("demo//etc/passwd"),
            "chart illegally contains absolute paths: \"demo//etc/passwd\""
        );
        assert_eq!(refusal("/etc/../.."), "chart illegally references parent directory: \"/etc/../..\"");
        assert_eq!(refusal("demo/../../x"), "chart illegally references parent directory: \"demo/../../x\"");
        assert_eq!(refusal("demo/..x"), "chart illegally references parent directory: \"demo/..x\"");
        assert_eq!(
            refusal("README.md"),
            "chart illegally contains content outside the base directory: \"README.md\""
        );
        assert_eq!(refusal("demo/c:/x"), "chart contains illegally named files: \"demo/c:/x\"");
        assert_eq!(refusal("Chart.yaml/x"), "chart yaml not in base directory");
        assert_eq!(
            refusal("demo\\..\\..\\x"),
            "chart illegally references parent directory: \"demo\\\\..\\\\..\\\\x\""
        );
    }

    #[test]
    fn odd_but_harmless_names() {
        for (name, inner) in [
            ("demo/./a//b/../c", "a/c"),
            ("demo\\templates\\x.yaml", "templates/x.yaml"),
            ("./demo/x", "demo/x"),
        ] {
            assert_eq!(read(&entry(name, tar::EntryType::Regular, b"x")).unwrap()[0].name, inner);
        }
    }

    #[test]
    fn links_and_devices_are_empty_files_and_folders_nothing() {
        for kind in
            [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Char, tar::EntryType::Fifo]
        {
            assert_eq!(read(&entry("demo/x", kind, b"")).unwrap(), [File::new("x", "")]);
        }
        assert!(matches!(read(&entry("demo/x/", tar::EntryType::Directory, b"")), Err(UnpackError::Empty)));
        assert!(matches!(read(&[0; 1024]), Err(UnpackError::Empty)));
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        assert_eq!(read(&entry("demo/x", tar::EntryType::Regular, b"\xEF\xBB\xBFx")).unwrap()[0].data, b"x");
    }

    #[test]
    fn what_is_not_gzip() {
        let error = |bytes: &[u8]| unpack(bytes, &mut Budget::default()).unwrap_err().to_string();
        assert_eq!(
            error(b"apiVersion: v2"),
            "does not appear to be a gzipped archive; got 'text/plain; charset=utf-8'"
        );
        assert_eq!(error(b"PK\x03\x04"), "does not appear to be a gzipped archive; got 'application/zip'");
        assert_eq!(
            error(b"<!DOCTYPE html>"),
            "does not appear to be a gzipped archive; got 'text/html; charset=utf-8'"
        );
        assert_eq!(
            error(b"\0\x01"),
            "does not appear to be a gzipped archive; got 'application/octet-stream'"
        );
    }

    #[test]
    fn cut_off_archives_are_broken() {
        let whole = gzip(&entry("demo/x", tar::EntryType::Regular, &[7; 4000]));
        for length in [3, 12, whole.len() / 2] {
            assert!(
                matches!(unpack(&whole[..length], &mut Budget::default()), Err(UnpackError::Broken(_))),
                "{length}"
            );
        }
    }

    #[test]
    fn a_header_that_promises_too_much_is_refused_unread() {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..6].copy_from_slice(b"demo/x");
        header.set_size(u64::MAX / 2);
        header.set_cksum();
        assert!(matches!(read(header.as_bytes()), Err(UnpackError::TooLarge)));
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        let limit = 1024 * 1024;
        let bomb = |tar: &[u8]| unpack(&gzip(tar), &mut Budget(limit));
        let zeros = vec![0; 8 * 1024 * 1024];
        // Inside one file, inside a name record, and as headers of thousands of empty files.
        assert!(matches!(
            bomb(&entry("demo/x", tar::EntryType::Regular, &zeros)),
            Err(UnpackError::TooLarge)
        ));
        assert!(matches!(
            bomb(&entry("demo/x", tar::EntryType::XHeader, &zeros)),
            Err(UnpackError::TooLarge)
        ));
        let empty = &entry("demo/x", tar::EntryType::Regular, b"")[..512];
        let many: Vec<u8> = empty.iter().copied().cycle().take(8 * 1024 * 1024).collect();
        assert!(matches!(bomb(&many), Err(UnpackError::TooLarge)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = unpack(&bytes, &mut Budget::default());
            let _ = read(&bytes);
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0..1536usize, byte in any::<u8>(), name in "[a-zA-Z./\\\\:é]{1,40}") {
            let mut damaged = entry(&name, tar::EntryType::Regular, b"data");
            damaged[at] = byte;
            for file in read(&damaged).unwrap_or_default() {
                prop_assert!(!file.name.starts_with('/') && !file.name.split('/').any(|part| part == "..") && file.data.len() as u64 <= MAX_CHART_SIZE);
            }
        }
    }
}
