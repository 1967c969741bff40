//! The files below `crds/`: installed before everything else, never rendered, upgraded or deleted.

use super::chart::Chart;

/// A file of CRDs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crd<'c> {
    /// Its path from the top chart on, for example `web/charts/db/crds/backups.yaml`.
    pub path: String,
    /// What it holds.
    pub data: &'c [u8],
}

/// The files of CRDs of a chart and then of its subcharts.
pub fn of(chart: &Chart) -> Vec<Crd<'_>> {
    let mut crds = Vec::new();
    collect(chart, &chart.metadata.name, &mut crds);
    crds
}

fn collect<'c>(chart: &'c Chart, path: &str, crds: &mut Vec<Crd<'c>>) {
    let files = chart.files.iter().filter(|file| file.name.starts_with("crds/") && is_manifest(&file.name));
    crds.extend(files.map(|file| Crd { path: format!("{path}/{}", file.name), data: &file.data }));
    for subchart in &chart.dependencies {
        collect(subchart, &format!("{path}/charts/{}", subchart.metadata.name), crds);
    }
}

fn is_manifest(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::chart::File;

    #[test]
    fn files_of_the_chart_come_before_those_of_subcharts() {
        let chart = |name: &str| format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
        let files = [
            ("charts/sub/Chart.yaml", chart("sub")),
            ("charts/sub/crds/s.JSON", String::new()),
            ("Chart.yaml", chart("top")),
            ("crds/deep/a.yml", "a".to_owned()),
            ("crds/README.md", String::new()),
            ("crds.yaml", String::new()),
        ];
        let chart =
            Chart::from_files(files.into_iter().map(|(name, text)| File::new(name, text)).collect()).unwrap();
        let paths: Vec<String> = of(&chart).into_iter().map(|crd| crd.path).collect();
        assert_eq!(paths, ["top/crds/deep/a.yml", "top/charts/sub/crds/s.JSON"]);
    }
}
