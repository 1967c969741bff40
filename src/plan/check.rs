//! A plan that was written down, held against what a plan would be now: `release apply` executes exactly the first
//! one, or says what has moved. Pure.

use thiserror::Error;

use super::{ClusterPlan, FORMAT, Plan, PlannedChange};

/// A file that is no plan of this program.
#[derive(Debug, Error)]
pub enum PlanFileError {
    /// It holds something else.
    #[error("the file is no plan: {0}")]
    NoPlan(serde_json::Error),
    /// It was written by another version of this program.
    #[error("the plan has the form {found}, this program executes {FORMAT}; make it again with this program")]
    Format {
        /// What it says.
        found: u32,
    },
}

/// Reads a plan from the text of its file.
pub fn read(text: &str) -> Result<Plan, PlanFileError> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(PlanFileError::NoPlan)?;
    let format = value["format"].as_u64().and_then(|format| u32::try_from(format).ok());
    match format {
        Some(found) if found != FORMAT => Err(PlanFileError::Format { found }),
        Some(_) | None => serde_json::from_value(value).map_err(PlanFileError::NoPlan),
    }
}

/// What has moved since the plan was made, one sentence each; empty = it may be executed.
pub fn differences(planned: &Plan, now: &Plan) -> Vec<String> {
    let of_cluster = |planned: &ClusterPlan| match now.cluster(&planned.cluster) {
        Some(now) => moved(planned, now),
        None => vec![format!("{}: it is not planned any more", planned.cluster)],
    };
    planned.clusters.iter().flat_map(of_cluster).collect()
}

fn moved(planned: &ClusterPlan, now: &ClusterPlan) -> Vec<String> {
    let told = |what: &str, then: &str, now: &str| {
        let cluster = &planned.cluster;
        (then != now).then(|| format!("{cluster}: {what}: planned was {then}, now it is {now}"))
    };
    let revision = |plan: &ClusterPlan| plan.base_revision.to_string();
    let action = |plan: &ClusterPlan| format!("{:?}", plan.action).to_lowercase();
    let parts = [
        told("the API server", &planned.server, &now.server),
        told("the release", &planned.release, &now.release),
        told("its newest revision", &revision(planned), &revision(now)),
        told("what is to be done", &action(planned), &action(now)),
        told("the chart", &chart(&planned.change), &chart(&now.change)),
        told("the values", &values(&planned.change), &values(&now.change)),
    ];
    parts.into_iter().flatten().collect()
}

fn chart(change: &PlannedChange) -> String {
    match change {
        PlannedChange::Deploy { chart, .. } => {
            format!("{} {} with content {}", chart.name, chart.version, chart.content)
        }
        PlannedChange::Return { to_revision } => format!("that of revision {to_revision}"),
    }
}

fn values(change: &PlannedChange) -> String {
    let PlannedChange::Deploy { values, .. } = change else { return "none".to_owned() };
    let files: Vec<String> =
        values.iter().map(|file| format!("{} sha256:{}", file.file, file.sha256)).collect();
    if files.is_empty() { "none".to_owned() } else { files.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixtures;

    #[test]
    fn what_moved_is_told_with_both_sides() {
        let planned = fixtures::upgrade();
        assert_eq!(differences(&planned, &planned), Vec::<String>::new());
        let mut now = planned.clone();
        now.clusters[0].base_revision = 2;
        now.clusters[0].server = "https://elsewhere".to_owned();
        if let PlannedChange::Deploy { chart, values } = &mut now.clusters[0].change {
            chart.content = "other".to_owned();
            values[0].sha256 = "bb".to_owned();
        }
        let expected = [
            "eks-development-1: the API server: planned was https://localhost, now it is https://elsewhere",
            "eks-development-1: its newest revision: planned was 1, now it is 2",
            "eks-development-1: the chart: planned was cert-manager v1.11.5 with content c1, now it is cert-manager \
             v1.11.5 with content other",
            "eks-development-1: the values: planned was values/common.yaml sha256:aa, now it is \
             values/common.yaml sha256:bb",
        ];
        assert_eq!(differences(&planned, &now), expected);
        now.clusters.clear();
        assert_eq!(differences(&planned, &now), ["eks-development-1: it is not planned any more"]);
    }

    #[test]
    fn a_plan_reads_back_and_nothing_else_does() {
        let planned = fixtures::upgrade();
        let text = serde_json::to_string(&planned).unwrap();
        assert_eq!(read(&text).unwrap(), planned);
        let other = text.replacen("\"format\":1", "\"format\":9", 1);
        assert!(matches!(read(&other), Err(PlanFileError::Format { found: 9 })));
        let unknown = text.replacen("\"format\":1", "\"format\":1,\"fromat\":2", 1);
        assert!(matches!(read(&unknown), Err(PlanFileError::NoPlan(_))));
        assert!(matches!(read("[]"), Err(PlanFileError::NoPlan(_))));
    }
}
