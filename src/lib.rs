//! `release` takes a Helm chart from git to every cluster and proves that each cluster is healthy before it
//! touches the next.
//!
//! # The path of the data
//! `Args → Settings → ChartArchive → Observed (per cluster) → Plan → Steps → Evidence → Report + exit code`
//!
//! # The map
//! | module | what it is | what it never does |
//! |---|---|---|
//! | [`cli`], [`commands`] | arguments as typed; one file per command | decide anything about a cluster |
//! | [`report`] | everything a person or a CI system reads | judge |
//! | [`site`] | real clusters for that loop: preflight, change, recover, gate, evidence | decide which step comes next |
//! | [`rollout`] | the loop over clusters and steps, one state function: pure | know a chart or a backend |
//! | [`action`] | Helm's verbs on one cluster | policy |
//! | [`evidence`] | the journal and what a failure left behind | change a cluster's workloads |
//! | [`diagnosis`] | what `release doctor` says, the worst first | ask a cluster |
//! | [`plan`] | the plan as a value | I/O |
//! | [`gate`] | is this cluster healthy? observe, then judge | judge with a clock or a socket |
//! | [`source`], [`repository`], [`cluster`] | where a chart comes from and goes to; Kubernetes | know each other |
//! | [`monitoring`] | what watches the clusters: where their logs are kept | change anything there |
//! | [`web`] | HTTP with credentials, patience and limits | judge an answer |
//! | [`config`], [`certmanager`] | `release.yaml`; cert-manager's states and versions as data | I/O after loading |
//! | [`health`] | is an object ready? by the rules of kstatus | ask a cluster |
//! | [`helm`] | Helm's own formats and rules | know a fleet, a gate or a terminal |
//!
//! # Invariants
//! Arrows only go down this list:
//! `cli → commands → report → site → rollout → {action, diagnosis, evidence} → {plan, gate} → {source, repository, cluster, monitoring} → web → {config, certmanager, health} → helm → {explanation, failure, redact, several}`.
//! A test reads the `use crate::` lines and fails on an upward one.

pub mod action;
pub mod certmanager;
pub mod cli;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod diagnosis;
pub mod evidence;
pub mod explanation;
pub mod failure;
pub mod gate;
pub mod health;
pub mod helm;
pub mod monitoring;
pub mod plan;
pub mod redact;
pub mod report;
pub mod repository;
pub mod rollout;
pub mod several;
pub mod site;
pub mod source;
pub mod web;
