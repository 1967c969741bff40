//! The whole way from a chart and the user's values to what Helm installs: dependencies, values, schema,
//! templates, documents, hooks, notes.
//!
//! Never talks to a cluster: who does answers [`Lookup`] and says what the cluster has.

pub mod documents;
pub mod head;
mod skim;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use super::capabilities::Capabilities;
use super::chart::Chart;
use super::crds::{self, Crd};
use super::engine::{self, Lookup, ReleaseContext, Render};
use super::release::Hook;
use super::template::TemplateError;
use super::values::coalesce::{CoalesceError, coalesce};
use super::values::dependencies::{self, is_compatible};
use super::values::{Values, schema};
use documents::{DocumentError, Sorted};

/// For whom and for what a chart is rendered.
#[derive(Debug, Clone)]
pub struct RenderingRequest {
    /// `.Release`.
    pub release: ReleaseContext,
    /// `.Capabilities`.
    pub capabilities: Capabilities,
    /// The values need not fit the charts' schemas.
    pub skip_schema: bool,
    /// The notes of subcharts are notes, too.
    pub subchart_notes: bool,
    /// `getHostByName` may ask the DNS.
    pub dns: bool,
}

/// What Helm installs.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// The chart, with its dependencies processed.
    pub chart: Chart,
    /// The user's values.
    pub config: Values,
    /// The manifest as Helm 4 stores it, hooks and `crds/` not included.
    pub manifest: String,
    /// Where in the manifest its documents are.
    pub parts: Vec<Part>,
    /// The hooks, by kind.
    pub hooks: Vec<Hook>,
    /// The notes for the user.
    pub notes: String,
    /// What Helm warns about.
    pub warnings: Vec<String>,
}

/// A document in the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The template that it comes from.
    pub source: String,
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// The bytes of its text in the manifest.
    pub text: Range<usize>,
}

/// Why a chart is not rendered. The words are Helm's.
#[derive(Debug, thiserror::Error)]
pub enum RenderingError {
    /// A subchart's section is no map, found out while dependencies were processed.
    #[error("chart dependencies processing failed: {0}")]
    Dependencies(CoalesceError),
    /// A subchart's section is no map.
    #[error(transparent)]
    Values(CoalesceError),
    /// The values do not fit a chart's schema.
    #[error("values don't meet the specifications of the schema(s) in the following chart(s):\n{0}")]
    Schema(String),
    /// The chart is not for this Kubernetes.
    #[error("chart requires kubeVersion: {required} which is incompatible with Kubernetes {version}")]
    KubeVersion {
        /// What the chart requires.
        required: String,
        /// What there is.
        version: String,
    },
    /// A template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A rendered document is wrong.
    #[error("{error}")]
    Document {
        /// Which and why.
        error: DocumentError,
        /// Everything that was rendered.
        rendered: String,
    },
}

impl RenderingError {
    /// Whether it came to light only by rendering: `helm template` then speaks of `--debug`.
    pub fn is_of_rendering(&self) -> bool {
        match self {
            Self::Dependencies(_) | Self::Values(_) | Self::Schema(_) => false,
            Self::KubeVersion { .. } | Self::Template(_) | Self::Document { .. } => true,
        }
    }
}

/// A chart whose dependencies are processed: its CRDs can be installed, then it can be rendered.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The chart: only what is enabled, under its alias.
    pub chart: Chart,
    config: Values,
    warnings: Vec<String>,
}

impl Prepared {
    /// Processes the dependencies of a chart.
    pub fn new(mut chart: Chart, user: Values) -> Result<Self, RenderingError> {
        let mut warnings = Vec::new();
        dependencies::process(&mut chart, &user, &mut warnings).map_err(RenderingError::Dependencies)?;
        Ok(Self { chart, config: user, warnings })
    }

    /// The files of CRDs of the chart and its enabled subcharts.
    pub fn crds(&self) -> Vec<Crd<'_>> {
        crds::of(&self.chart)
    }

    /// Renders the chart.
    pub fn render(
        mut self,
        request: &RenderingRequest,
        lookup: &mut dyn Lookup,
    ) -> Result<Rendering, RenderingError> {
        let values =
            coalesce(&self.chart, self.config.clone(), &mut self.warnings).map_err(RenderingError::Values)?;
        if !request.skip_schema {
            schema::validate(&self.chart, &values).map_err(RenderingError::Schema)?;
        }
        check_kube_version(&self.chart, request)?;
        let mut files = engine::render(&self.engine_request(&values, request), lookup)?.files;
        let notes = take_notes(&mut files, &self.chart, request.subchart_notes);
        let sorted = documents::sort(&files)
            .map_err(|error| RenderingError::Document { error, rendered: all(&files) })?;
        self.warnings.extend(sorted.dropped.iter().cloned());
        let (manifest, parts) = manifest(&sorted);
        Ok(Rendering {
            chart: self.chart,
            config: self.config,
            manifest,
            parts,
            hooks: sorted.hooks,
            notes,
            warnings: self.warnings,
        })
    }

    fn engine_request<'r>(&'r self, values: &'r Values, request: &'r RenderingRequest) -> Render<'r> {
        let (release, capabilities) = (&request.release, &request.capabilities);
        Render { chart: &self.chart, values, release, capabilities, dns: request.dns }
    }
}

/// Renders a chart with the user's values.
pub fn render(
    chart: Chart,
    user: Values,
    request: &RenderingRequest,
    lookup: &mut dyn Lookup,
) -> Result<Rendering, RenderingError> {
    Prepared::new(chart, user)?.render(request, lookup)
}

fn check_kube_version(chart: &Chart, request: &RenderingRequest) -> Result<(), RenderingError> {
    let required = &chart.metadata.kube_version;
    let there = &request.capabilities.kube_version;
    if required.is_empty() || is_compatible(required, &there.normalized) {
        return Ok(());
    }
    Err(RenderingError::KubeVersion { required: required.clone(), version: there.version.clone() })
}

/// Takes every `NOTES.txt` out of the files; those of the top chart, or all, are the notes.
fn take_notes(files: &mut BTreeMap<String, String>, chart: &Chart, of_subcharts: bool) -> String {
    let own = format!("{}/templates/NOTES.txt", chart.metadata.name);
    let paths: Vec<String> = files.keys().filter(|path| path.ends_with("NOTES.txt")).cloned().collect();
    let mut notes = String::new();
    for path in paths {
        let text = files.remove(&path).unwrap_or_default();
        if of_subcharts || path == own {
            if !notes.is_empty() {
                notes.push('\n');
            }
            notes.push_str(&text);
        }
    }
    notes
}

fn manifest(sorted: &Sorted<'_>) -> (String, Vec<Part>) {
    let size = sorted.documents.iter().map(|document| document.text.len() + document.source.len() + 16).sum();
    let mut manifest = String::with_capacity(size);
    let parts = sorted.documents.iter().map(|document| {
        add(&mut manifest, document.source, document.text);
        let end = manifest.len() - 1;
        let (api_version, kind) = (document.head.api_version.clone(), document.head.kind.clone());
        Part { source: document.source.to_owned(), api_version, kind, text: end - document.text.len()..end }
    });
    let parts = parts.collect();
    (manifest, parts)
}

/// One document as Helm writes it.
pub fn add(manifest: &mut String, source: &str, text: &str) {
    // Writing into a String cannot fail.
    let _ = writeln!(manifest, "---\n# Source: {source}\n{text}");
}

fn all(files: &BTreeMap<String, String>) -> String {
    let mut manifest = String::new();
    files
        .iter()
        .filter(|(_, text)| !text.trim().is_empty())
        .for_each(|(path, text)| add(&mut manifest, path, text));
    manifest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::helm::chart::File;
    use crate::helm::engine::NoCluster;

    const CHART: &str = "apiVersion: v2\nname: demo\nversion: 1.0.0\n";

    fn request() -> RenderingRequest {
        let release = ReleaseContext {
            name: "r".into(),
            namespace: "ns".into(),
            revision: 1,
            is_install: true,
            is_upgrade: false,
        };
        RenderingRequest {
            release,
            capabilities: Capabilities::without_cluster(),
            skip_schema: false,
            subchart_notes: false,
            dns: false,
        }
    }

    fn rendered(files: &[(&str, &str)]) -> Result<Rendering, RenderingError> {
        let chart =
            Chart::from_files(files.iter().map(|(name, text)| File::new(*name, *text)).collect()).unwrap();
        render(chart, Values::new(), &request(), &mut NoCluster)
    }

    #[test]
    fn documents_keep_their_final_line_breaks_and_notes_stay_out() {
        let rendering = rendered(&[
            ("Chart.yaml", CHART),
            ("templates/b.yaml", "kind: B\n\n---\nkind: ConfigMap\nmetadata: {name: c}"),
            ("templates/NOTES.txt", "read me"),
        ])
        .unwrap();
        assert_eq!(
            rendering.manifest,
            "---\n# Source: demo/templates/b.yaml\nkind: ConfigMap\nmetadata: {name: c}\n---\n# Source: demo/templates/b.yaml\nkind: B\n\n\n"
        );
        assert_eq!(rendering.notes, "read me");
        assert_eq!(&rendering.manifest[rendering.parts[1].text.clone()], "kind: B\n\n");
        assert_eq!(rendering.config, Values::new());
    }

    #[test]
    fn what_is_wrong_is_said_in_helms_words() {
        let wrong = |files: &[(&str, &str)]| rendered(files).unwrap_err();
        let kube = wrong(&[("Chart.yaml", &format!("{CHART}kubeVersion: '>=99'\n"))]);
        assert_eq!(
            kube.to_string(),
            "chart requires kubeVersion: >=99 which is incompatible with Kubernetes v1.37.0"
        );
        assert!(kube.is_of_rendering());
        let document =
            wrong(&[("Chart.yaml", CHART), ("templates/a.yaml", "- a"), ("templates/b.yaml", "kind: B")]);
        assert!(
            document
                .to_string()
                .starts_with("YAML parse error on demo/templates/a.yaml: error unmarshaling JSON")
        );
        let RenderingError::Document { rendered, .. } = document else { panic!("another error") };
        assert_eq!(
            rendered,
            "---\n# Source: demo/templates/a.yaml\n- a\n---\n# Source: demo/templates/b.yaml\nkind: B\n"
        );
    }

    #[test]
    fn a_chart_can_be_prepared_before_the_cluster_is_known() {
        let files = [("Chart.yaml", CHART), ("crds/a.yaml", "kind: CustomResourceDefinition")];
        let chart =
            Chart::from_files(files.iter().map(|(name, text)| File::new(*name, *text)).collect()).unwrap();
        let user = json!({"x": 1}).as_object().cloned().unwrap();
        let prepared = Prepared::new(chart, user).unwrap();
        assert_eq!(prepared.crds()[0].path, "demo/crds/a.yaml");
        assert!(prepared.render(&request(), &mut NoCluster).unwrap().manifest.is_empty());
    }
}
