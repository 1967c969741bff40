//! `release helm status RELEASE_NAME`

use clap::Args;
use serde_json::Value;

use super::kube_args::KubeArgs;
use super::output::{Output, OutputArgs, text};
use super::release_text::{self, Parts};
use super::stored;
use crate::cluster::discovery::Kinds;
use crate::cluster::release_objects::{self, ByKind, Form};
use crate::commands::Context;
use crate::failure::Failure;
use crate::helm::manifest;
use crate::helm::release::{Revision, Shown};
use crate::report::exit_code::Exit;

/// The arguments.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// The release
    #[arg(value_name = "RELEASE_NAME")]
    pub release: String,
    /// Display the status of this revision instead of the newest one
    #[arg(long, value_name = "REVISION", default_value_t = 0, hide_default_value = true)]
    pub revision: Revision,
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Prints the release with its live objects.
pub async fn run(args: &StatusArgs, kube: &KubeArgs, context: &Context) -> Result<Exit, Failure> {
    let (cluster, release) = kube.connect_to(&args.release).await?;
    let record = stored::revision(&cluster, &release, args.revision).await?;
    let form = if args.output.output == Output::Table { Form::Tables } else { Form::Objects };
    let objects = manifest::split(record.manifest())?;
    let live =
        release_objects::read(&cluster, &Kinds::load(&cluster).await?, &objects, &release.namespace, form)
            .await?;
    match args.output.output {
        Output::Table => text(
            &context.printer,
            &release_text::text(&record, &Parts { resources: live, ..Parts::default() }),
        ),
        Output::Json | Output::Yaml => {
            args.output.print(
                &context.printer,
                &record.shown(&Shown { chart: false, resources: by_kind(live) }),
                String::new,
            );
        }
    }
    Ok(Exit::Success)
}

fn by_kind(live: ByKind) -> serde_json::Map<String, Value> {
    live.into_iter().map(|(kind, objects)| (kind, Value::Array(objects))).collect()
}
