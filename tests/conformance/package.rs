//! `helm package`: every byte of the tar, and the gzip header around it.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use flate2::bufread::GzDecoder;
use libtest_mimic::Trial;
use release::failure::Failure;
use release::helm::chart::content::Digest;
use release::helm::chart::{Chart, Overrides, directory, package};

use crate::case::Case;
use crate::cases::CASES;
use crate::golden::{self, Recorder};

/// What stamps the archives, in Unix seconds.
pub(crate) const TIME: i64 = 1_700_000_000;

/// Every byte of the archives.
pub(crate) fn trials() -> Vec<Trial> {
    let trial = |case: &'static Case| {
        golden::trial("package", case.name, |recorder| helms(case, recorder), || ours(case))
    };
    CASES.iter().map(trial).collect()
}

/// Only that helm refuses is compared: its words hold paths and Go's types.
const REFUSED: &str = "refused\n";

fn helms(case: &Case, recorder: &Recorder) -> String {
    let (directory, chart) = case.written();
    let out = directory.path().join("out");
    let output =
        recorder.helm(&["package", chart.to_str().expect("a path"), "-d", out.to_str().expect("a path")]);
    if !output.status.success() {
        return REFUSED.to_owned();
    }
    let archive = std::fs::read_dir(out).expect("the folder").next().expect("an archive").expect("an entry");
    described(
        &archive.file_name().to_string_lossy(),
        &std::fs::read(archive.path()).expect("read the archive"),
    )
}

fn ours(case: &Case) -> String {
    let (_directory, chart) = case.written();
    packaged(&chart).unwrap_or_else(|_| REFUSED.to_owned())
}

fn packaged(path: &Path) -> Result<String, Failure> {
    let mut chart = Chart::from_files(directory::read(path)?)?;
    chart.stamp(TIME);
    let archive = package::package(&chart, TIME, &Overrides::default())?;
    Ok(described(&archive.file_name(), archive.bytes()))
}

/// An archive as text: enough to see what differs, and a digest over every byte of the tar.
fn described(name: &str, bytes: &[u8]) -> String {
    let mut decoder = GzDecoder::new(bytes);
    let header = decoder.header().expect("a gzip header");
    let extra = String::from_utf8_lossy(header.extra().unwrap_or_default()).into_owned();
    let comment = String::from_utf8_lossy(header.comment().unwrap_or_default()).into_owned();
    let mut text = format!(
        "{name}\ngzip: mtime {}, system {}, extra {extra:?}, comment {comment:?}\n",
        header.mtime(),
        header.operating_system()
    );
    let mut tar = Vec::new();
    decoder.read_to_end(&mut tar).expect("gzip");
    writeln!(text, "tar: {} bytes, {}", tar.len(), Digest::of(&tar)).expect("write to a text");
    let mut archive = tar::Archive::new(tar.as_slice());
    for entry in archive.entries().expect("a tar").raw(true) {
        let mut entry = entry.expect("an entry");
        let header = entry.header();
        let (path, kind) = (
            String::from_utf8_lossy(&entry.path_bytes()).into_owned(),
            header.entry_type().as_byte() as char,
        );
        let (mode, mtime) = (header.mode().expect("a mode"), header.mtime().expect("a time"));
        let mut data = Vec::new();
        entry.read_to_end(&mut data).expect("the data");
        writeln!(
            text,
            "{path}: type {kind}, mode {mode:o}, mtime {mtime}, {} bytes, {}",
            data.len(),
            Digest::of(&data)
        )
        .expect("write to a text");
        if path.ends_with("/Chart.yaml") || path.ends_with("/Chart.lock") || kind == 'x' {
            String::from_utf8_lossy(&data)
                .lines()
                .for_each(|line| writeln!(text, "  | {line}").expect("write to a text"));
        }
    }
    text
}
