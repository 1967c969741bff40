//! Small charts, saved as archives.

use release::helm::chart::archive::ChartArchive;
use release::helm::chart::package::{self, Overrides};
use release::helm::chart::{Chart, File};

/// A chart with one template, saved at a time (Unix seconds).
pub(crate) fn chart(version: &str, template: &[u8], mtime: i64) -> ChartArchive {
    let metadata = format!("apiVersion: v2\nname: demo\nversion: {version}\n");
    let files = vec![
        File::new("Chart.yaml", metadata),
        File::new("values.yaml", "replicas: 1\n"),
        File::new("templates/a.yaml", template),
    ];
    let chart = Chart::from_files(files).expect("a chart");
    package::package(&chart, mtime, &Overrides::default()).expect("an archive")
}

/// `demo` in a version that has to be quoted in URLs by some clients.
pub(crate) fn demo() -> ChartArchive {
    chart("1.2.3+build.5", b"a: 1\n", 1_700_000_000)
}
