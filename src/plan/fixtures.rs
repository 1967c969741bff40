//! Plans that the tests of several modules share.

use super::terms::Terms;
use super::{Action, ClusterPlan, FORMAT, Plan, PlannedChange, PlannedChart, PlannedPublish, PlannedValues};
use crate::config::{GateSettings, OnFailure, Profile};
use crate::plan::preflight::Allowed;

/// The terms that a team gets that sets nothing.
pub(crate) fn terms(on_failure: OnFailure) -> Terms {
    Terms {
        profile: Profile::CertManager,
        gates: GateSettings::default(),
        on_failure,
        allowed: Allowed::default(),
        history_max: 10,
        hook_timeout: std::time::Duration::from_mins(5),
        soaks: Vec::new(),
    }
}

/// One cluster on the way from v1.10.2 to v1.11.5.
pub(crate) fn cluster(name: &str, wave: Option<&str>, action: Action) -> ClusterPlan {
    let chart = PlannedChart {
        name: "cert-manager".to_owned(),
        version: "v1.11.5".to_owned(),
        digest: "d1".to_owned(),
        content: "c1".to_owned(),
        origin: "commit 1234567".to_owned(),
        commit: Some("1234567".to_owned()),
    };
    let values = vec![PlannedValues { file: "values/common.yaml".to_owned(), sha256: "aa".to_owned() }];
    let change = match action {
        Action::Rollback => PlannedChange::Return { to_revision: 1 },
        Action::Install | Action::Upgrade | Action::Nothing => PlannedChange::Deploy { chart, values },
    };
    ClusterPlan {
        cluster: name.to_owned(),
        server: "https://localhost".to_owned(),
        wave: wave.map(str::to_owned),
        release: "cert-manager/cert-manager".to_owned(),
        action,
        base_revision: 1,
        from: Some("v1.10.2".to_owned()),
        to: "v1.11.5".to_owned(),
        change,
        changes: Vec::new(),
        gates: Vec::new(),
        warnings: Vec::new(),
        rollback_obstacles: Vec::new(),
    }
}

/// A plan for these clusters.
pub(crate) fn plan(clusters: Vec<ClusterPlan>, on_failure: OnFailure) -> Plan {
    let publish = PlannedPublish { repository: "https://charts.example.com".to_owned(), uploads: false };
    let (chart, terms) = ("cert-manager".to_owned(), terms(on_failure));
    Plan { format: FORMAT, chart, terms, publish: Some(publish), clusters }
}

/// An upgrade of one cluster.
pub(crate) fn upgrade() -> Plan {
    plan(vec![cluster("eks-development-1", None, Action::Upgrade)], OnFailure::Halt)
}
