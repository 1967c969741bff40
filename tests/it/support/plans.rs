//! Plans for runs over scripted clusters.

use release::config::{GateSettings, OnFailure, Profile};
use release::plan::preflight::Allowed;
use release::plan::{self, Action, ClusterPlan, Plan, PlannedChange, PlannedChart, Terms};

pub(crate) const CLUSTER: &str = "eks-development-1";

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

pub(crate) fn cluster(name: &str, wave: Option<&str>, action: Action) -> ClusterPlan {
    let text = str::to_owned;
    let chart = PlannedChart {
        name: text("cert-manager"),
        version: text("v1.11.5"),
        digest: text("d"),
        content: text("c"),
        origin: text("commit 1234567"),
        commit: None,
    };
    let change = match action {
        Action::Rollback => PlannedChange::Return { to_revision: 1 },
        _ => PlannedChange::Deploy { chart, values: Vec::new() },
    };
    ClusterPlan {
        cluster: text(name),
        server: text("https://localhost"),
        wave: wave.map(text),
        release: text("cert-manager/cert-manager"),
        action,
        base_revision: 1,
        from: Some(text("v1.10.2")),
        to: text("v1.11.5"),
        change,
        changes: Vec::new(),
        gates: Vec::new(),
        warnings: Vec::new(),
        rollback_obstacles: Vec::new(),
    }
}

pub(crate) fn plan(clusters: Vec<ClusterPlan>) -> Plan {
    let terms = terms(OnFailure::Halt);
    Plan { format: plan::FORMAT, chart: "cert-manager".to_owned(), terms, publish: None, clusters }
}
