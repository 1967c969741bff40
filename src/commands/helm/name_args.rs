//! The release's name and the chart: `[NAME] CHART`, or a name that is made up.

use std::path::Path;

use clap::Args;

use crate::failure::Failure;
use crate::helm::engine::render_text;

/// The arguments.
#[derive(Debug, Clone, Default, Args)]
pub struct NameArgs {
    /// The name of the release, unless it is generated, and the chart: a folder or an archive
    #[arg(value_name = "[NAME] CHART")]
    pub words: Vec<String>,
    /// Generate the name (and omit the NAME parameter)
    #[arg(short, long)]
    pub generate_name: bool,
    /// Template of the name of the release
    #[arg(long, value_name = "TEMPLATE")]
    pub name_template: Option<String>,
}

/// What helm refuses.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameRefusal {
    /// No argument at all.
    #[error("\"helm {0}\" requires at least 1 argument\n\nUsage:  helm {0} [NAME] [CHART] [flags]")]
    NoArgument(&'static str),
    /// More than two.
    #[error("expected at most two arguments, unexpected arguments: {0}")]
    TooMany(String),
    /// A name, and one to be made up.
    #[error("cannot set --generate-name and also specify a name")]
    NameAndGenerate,
    /// A name, and a template for one.
    #[error("cannot set --name-template and also specify a name")]
    NameAndTemplate,
    /// No name.
    #[error("must either provide a name or specify --generate-name")]
    NoName,
    /// The template cannot be rendered.
    #[error("{0}")]
    Template(String),
}

impl NameArgs {
    /// The name and the chart's reference. `default` is the name when none is given; `now` are Unix seconds,
    /// for a generated one.
    pub fn resolve(
        &self,
        verb: &'static str,
        default: Option<&str>,
        now: i64,
    ) -> Result<(String, String), Failure> {
        Ok(self.names(verb, default, now)?)
    }

    fn names(
        &self,
        verb: &'static str,
        default: Option<&str>,
        now: i64,
    ) -> Result<(String, String), NameRefusal> {
        let template = self.name_template.as_deref().filter(|template| !template.is_empty());
        match self.words.as_slice() {
            [] => Err(NameRefusal::NoArgument(verb)),
            [_, _] if self.generate_name => Err(NameRefusal::NameAndGenerate),
            [_, _] if template.is_some() => Err(NameRefusal::NameAndTemplate),
            [name, chart] => Ok((name.clone(), chart.clone())),
            [chart] => {
                let name = match (template, default) {
                    (Some(template), _) => rendered(template)?,
                    (None, Some(default)) => default.to_owned(),
                    (None, None) if self.generate_name => format!("{}-{now}", base(chart)),
                    (None, None) => return Err(NameRefusal::NoName),
                };
                Ok((name, chart.clone()))
            }
            [_, _, rest @ ..] => Err(NameRefusal::TooMany(rest.join(", "))),
        }
    }
}

/// The last part of the chart's path up to its first dot.
fn base(chart: &str) -> String {
    let base =
        Path::new(chart).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let base = base.split('.').next().unwrap_or_default();
    if base.is_empty() { "chart".to_owned() } else { base.to_owned() }
}

fn rendered(template: &str) -> Result<String, NameRefusal> {
    render_text("name-template", template).map_err(|error| NameRefusal::Template(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(
        words: &[&str],
        change: impl Fn(&mut NameArgs),
        default: Option<&str>,
    ) -> Result<(String, String), String> {
        let mut args =
            NameArgs { words: words.iter().map(|&word| word.to_owned()).collect(), ..NameArgs::default() };
        change(&mut args);
        args.names("install", default, 7).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn names_as_helm_takes_them() {
        let pair = |name: &str, chart: &str| Ok((name.to_owned(), chart.to_owned()));
        assert_eq!(names(&["r", "c"], |_| {}, None), pair("r", "c"));
        assert_eq!(names(&["./c"], |_| {}, Some("release-name")), pair("release-name", "./c"));
        assert_eq!(
            names(&["./x/demo-1.2.tgz"], |args| args.generate_name = true, None),
            pair("demo-1-7", "./x/demo-1.2.tgz")
        );
        assert_eq!(names(&["."], |args| args.generate_name = true, None), pair("chart-7", "."));
        assert_eq!(
            names(&["c"], |args| args.name_template = Some("n-{{ add 1 2 }}".to_owned()), None),
            pair("n-3", "c")
        );
    }

    #[test]
    fn refusals_are_helms() {
        for (words, generate, refusal) in [
            (vec!["c"], false, "must either provide a name or specify --generate-name"),
            (vec!["r", "c"], true, "cannot set --generate-name and also specify a name"),
            (vec!["r", "c", "x", "y"], false, "expected at most two arguments, unexpected arguments: x, y"),
            (
                vec![],
                false,
                "\"helm install\" requires at least 1 argument\n\nUsage:  helm install [NAME] [CHART] [flags]",
            ),
        ] {
            assert_eq!(names(&words, |args| args.generate_name = generate, None), Err(refusal.to_owned()));
        }
    }
}
