//! `release config check` and `release config schema`.

use std::fmt::Write as _;

use clap::Subcommand;

use super::{Context, config_failure};
use crate::config::{ClusterConfig, Config, Selection, Settings, duration};
use crate::failure::Failure;
use crate::report::exit_code::Exit;
use crate::site::knowledge;

/// What to do with the configuration.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Say everything that is wrong with release.yaml and the values files that it names, each with its line
    Check,
    /// Print the JSON Schema of release.yaml, for editors
    Schema,
}

/// Checks the configuration, or prints its schema.
pub fn run(command: &ConfigCommand, context: &Context) -> Result<Exit, Failure> {
    let text = match command {
        ConfigCommand::Check => {
            let config = Config::check(&context.config).map_err(config_failure)?;
            knowledge::with(&config.advice_files())?;
            format!("{} is OK\n{}", context.config.display(), summary(&config)?)
        }
        ConfigCommand::Schema => serde_json::to_string_pretty(&Config::schema())?,
    };
    context.printer.data(text.trim_end());
    Ok(Exit::Success)
}

/// The charts, and the clusters in the order of a rollout to all of them.
fn summary(config: &Config) -> Result<String, Failure> {
    let mut text = String::new();
    for name in config.charts.keys() {
        let selection = Selection { chart: Some(name.clone()), all: true, ..Selection::default() };
        let chart = Settings::resolve(config, &selection)?.chart;
        writeln!(
            text,
            "chart {name}: {} -> {} ({}), release {}, {}, up to {} for a hook",
            chart.source,
            chart.repository.name,
            chart.repository.url,
            chart.release,
            kept(chart.history_max),
            duration::format(chart.hook_timeout)
        )?;
    }
    for wave in &config.waves {
        let soak = if wave.soak.is_zero() {
            String::new()
        } else {
            format!(", then {} of soak", duration::format(wave.soak))
        };
        writeln!(
            text,
            "wave {}: {}{soak}",
            wave.name,
            names(config, |cluster| cluster.wave.as_ref() == Some(&wave.name))
        )?;
    }
    if config.clusters.iter().any(|cluster| cluster.wave.is_none()) {
        writeln!(text, "without a wave: {}", names(config, |cluster| cluster.wave.is_none()))?;
    }
    Ok(text)
}

/// How many revisions of the release stay in a cluster.
fn kept(history_max: u32) -> String {
    match history_max {
        0 => "all revisions kept".to_owned(),
        1 => "1 revision kept".to_owned(),
        more => format!("{more} revisions kept"),
    }
}

fn names(config: &Config, of: impl Fn(&ClusterConfig) -> bool) -> String {
    let names: Vec<&str> =
        config.clusters.iter().filter(|cluster| of(cluster)).map(|cluster| cluster.name.as_str()).collect();
    if names.is_empty() { "no cluster".to_owned() } else { names.join(", ") }
}
