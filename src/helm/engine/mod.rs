//! Renders the templates of a chart and its subcharts, as Helm's engine does. Knows no cluster: who does
//! answers [`Lookup`].

mod context;
mod dns;
mod objects;
mod request;
mod standalone;

use std::cmp::Reverse;
use std::string::FromUtf8Error;

use context::{Template, Templates};
pub use request::{ReleaseContext, Render, Rendered};
pub use standalone::{render_text, render_text_of};

use super::template::{self, Executor, Functions, Set, Stack, TemplateError, Text, Value};
pub use super::template::{Lookup, NoCluster};

/// Renders every template of a chart and its subcharts; partials (`_helpers.tpl`) are read but not executed.
/// The error has the text that Helm 4 prints.
pub fn render(request: &Render<'_>, lookup: &mut dyn Lookup) -> Result<Rendered, TemplateError> {
    let rendered = template::with_room(|stack| render_with(request, lookup, stack));
    rendered.map_err(|error| {
        TemplateError::new(format!("cannot start a thread to render the templates: {error}"))
    })?
}

fn render_with(
    request: &Render<'_>,
    lookup: &mut dyn Lookup,
    stack: Stack,
) -> Result<Rendered, TemplateError> {
    let templates = context::templates(request);
    let order = order(&templates);
    let mut set = Set::new(Functions::new(template::functions::all()));
    for (path, template) in &order {
        set.parse(&Text::from(*path), Text::from(template.data), stack).map_err(TemplateError::parse)?;
    }
    let mut executor = Executor::new(set, lookup, dns::resolver(request.dns), stack);
    let mut rendered = Rendered::default();
    for (path, template) in order.into_iter().filter(|(path, _)| !context::is_partial(path)) {
        rendered.files.insert(path.to_owned(), execute(&mut executor, path, template)?);
    }
    Ok(rendered)
}

/// The order in which files are read and executed: the deepest first, and backwards within a depth. What is
/// read later replaces definitions of what was read before, so the shallowest and first file wins.
fn order<'t, 'c>(templates: &'t Templates<'c>) -> Vec<(&'t str, &'t Template<'c>)> {
    let mut order: Vec<_> = templates.iter().map(|(path, template)| (path.as_str(), template)).collect();
    order.sort_by_key(|(path, _)| Reverse((path.matches('/').count(), *path)));
    order
}

fn execute(
    executor: &mut Executor<'_>,
    path: &str,
    template: &Template<'_>,
) -> Result<String, TemplateError> {
    let named = [("Name", path), ("BasePath", &template.base_path)];
    let about =
        named.into_iter().map(|(key, text)| (Text::from(key), Value::from(text))).collect::<template::Map>();
    template.context.set("Template".into(), Value::Map(about.with_kind(template::MapKind::Values)));
    let mut out = Vec::new();
    let dot = template.context.clone().with_kind(template::MapKind::Values);
    executor.execute(&Text::from(path), Value::Map(dot), &mut out)?;
    String::from_utf8(template::without_no_value(out)).or_else(|error| text_of_bytes(path, &error))
}

/// Notes are shown as well as can be; a manifest that is no text is what Helm's YAML reader refuses.
fn text_of_bytes(path: &str, error: &FromUtf8Error) -> Result<String, TemplateError> {
    if path.ends_with("NOTES.txt") {
        return Ok(String::from_utf8_lossy(error.as_bytes()).into_owned());
    }
    let place = error.utf8_error();
    let what = match (error.as_bytes().get(place.valid_up_to()), place.error_len()) {
        (_, None) => "incomplete UTF-8 octet sequence",
        (Some(0xc0..=0xf7), Some(_)) => "invalid trailing UTF-8 octet",
        (_, Some(_)) => "invalid leading UTF-8 octet",
    };
    Err(TemplateError::new(format!(
        "YAML parse error on {path}: error converting YAML to JSON: yaml: {what}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::capabilities::Capabilities;
    use crate::helm::chart::{Chart, File};
    use crate::helm::values::coalesce::coalesce;

    fn render_files(files: &[(&str, &[u8])]) -> Result<Rendered, String> {
        let chart =
            Chart::from_files(files.iter().map(|(name, data)| File::new(*name, *data)).collect()).unwrap();
        let values = coalesce(&chart, serde_json::Map::new(), &mut Vec::new()).unwrap();
        let release = ReleaseContext {
            name: "r".into(),
            namespace: "ns".into(),
            revision: 1,
            is_install: true,
            is_upgrade: false,
        };
        let capabilities = Capabilities::without_cluster();
        let request = Render {
            chart: &chart,
            values: &values,
            release: &release,
            capabilities: &capabilities,
            dns: false,
        };
        render(&request, &mut NoCluster).map_err(|error| error.to_string())
    }

    /// The files of a chart `p` with a subchart `s`, as `path: text` lines, or the error.
    fn rendered(files: &[(&str, &str)]) -> String {
        let mut all: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        all.push(("Chart.yaml", b"{apiVersion: v2, name: p, version: 1.0.0}"));
        all.push(("charts/s/Chart.yaml", b"{apiVersion: v2, name: s, version: 1.0.0}"));
        let line = |(path, text): (String, String)| format!("{path}: {text}\n");
        render_files(&all)
            .map_or_else(|error| error, |rendered| rendered.files.into_iter().map(line).collect())
    }

    #[test]
    fn a_subchart_shares_its_values_with_its_parent() {
        let files = [
            ("values.yaml", "s: {a: 1}"),
            (
                "templates/a.yaml",
                "{{ .Values.s.x }} {{ .Subcharts.s.Values.x }} {{ .Subcharts.s.Chart.IsRoot }} {{ .Chart.IsRoot }}",
            ),
            (
                "charts/s/templates/a.yaml",
                "{{ set .Values \"x\" \"set\" | len }} {{ .Template.Name }} {{ .Template.BasePath }} {{ .Files.Get \"f\" }}",
            ),
            ("charts/s/f", "file"),
        ];
        insta::assert_snapshot!(rendered(&files), @r"
        p/charts/s/templates/a.yaml: 3 p/charts/s/templates/a.yaml p/charts/s/templates file
        p/templates/a.yaml: set set false true
        ");
    }

    #[test]
    fn the_shallowest_and_first_file_defines_and_the_deepest_runs_first() {
        let files = [
            ("templates/a.yaml", "{{ include \"n\" . }} {{ .Values.seen }}"),
            ("templates/_a.tpl", "{{ define \"n\" }}a{{ end }}"),
            ("templates/_z.tpl", "{{ define \"n\" }}z{{ end }}"),
            ("templates/_0.tpl", "{{ define \"n\" }} {{/* nothing */}} {{ end }}"),
            ("charts/s/templates/_a.tpl", "{{ define \"n\" }}s{{ end }}"),
            ("templates/b.yaml", "{{ $_ := set .Values \"seen\" (print .Values.seen \"b\") }}"),
            ("templates/d/c.yaml", "{{ $_ := set .Values \"seen\" \"c\" }}"),
        ];
        assert!(rendered(&files).contains("p/templates/a.yaml: a cb\n"));
    }

    #[test]
    fn a_library_gives_its_partials_only() {
        let files = [
            ("charts/l/Chart.yaml", "{apiVersion: v2, name: l, version: 1.0.0, type: library}"),
            ("charts/l/templates/_l.tpl", "{{ define \"l\" }}from {{ .Chart.Name }}{{ end }}"),
            ("charts/l/templates/broken.yaml", "{{ nope }}"),
            ("templates/a.yaml", "{{ include \"l\" . }}"),
        ];
        assert_eq!(rendered(&files), "p/templates/a.yaml: from p\n");
    }

    #[test]
    fn no_value_is_written_nowhere() {
        assert_eq!(
            rendered(&[("templates/a.yaml", "[{{ .Values.x }}<no value>]")]),
            "p/templates/a.yaml: []\n"
        );
    }

    #[test]
    fn errors_are_the_ones_of_the_first_file_that_fails() {
        assert_eq!(
            rendered(&[("templates/a.yaml", "\n{{ nope }}")]),
            "parse error at (p/templates/a.yaml:2): function \"nope\" not defined"
        );
        let files = [("templates/a.yaml", "{{ fail \"a\" }}"), ("templates/b.yaml", "{{ fail \"b\" }}")];
        assert_eq!(rendered(&files), "execution error at (p/templates/b.yaml:1:3): b");
    }

    #[test]
    fn capabilities_print_differently_in_braces() {
        let text = "{{ .Capabilities.APIVersions.Has \"v1\" }} {{ .Capabilities.APIVersions.Has \"v1/Pod\" }} {{ typeOf .Capabilities }} \
                    {{ eq (print .Capabilities.KubeVersion) (.Capabilities.KubeVersion.String) }} {{ .Capabilities.KubeVersion.Nope }}";
        let error = rendered(&[("templates/a.yaml", text)]);
        assert!(error.ends_with("can't evaluate field Nope in type common.KubeVersion"), "{error}");
        let text = text.replace(" {{ .Capabilities.KubeVersion.Nope }}", "");
        assert_eq!(
            rendered(&[("templates/a.yaml", &text)]),
            "p/templates/a.yaml: true false *common.Capabilities false\n"
        );
    }

    #[test]
    fn bytes_that_are_no_text() {
        let chart: (&str, &[u8]) = ("Chart.yaml", b"{apiVersion: v2, name: p, version: 1.0.0}");
        let error = render_files(&[chart, ("templates/a.yaml", b"k: \xff")]).unwrap_err();
        assert_eq!(
            error,
            "YAML parse error on p/templates/a.yaml: error converting YAML to JSON: yaml: invalid leading UTF-8 octet"
        );
        let rendered = render_files(&[
            chart,
            ("templates/NOTES.txt", b"k: \xff"),
            ("templates/_x", b"\xff"),
            ("b.bin", b"\xff"),
        ])
        .unwrap();
        assert_eq!(rendered.files["p/templates/NOTES.txt"], "k: \u{fffd}");
    }
}
