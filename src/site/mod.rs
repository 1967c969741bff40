//! Real clusters for the loop of [`crate::rollout`]: what Kubernetes, Helm's verbs, the gates and the journal
//! have to do with it. Decides nothing about the order of steps, and prints nothing.

pub mod archive;
pub mod blame;
mod breaker;
pub mod chart;
pub mod connect;
pub mod daily_check;
pub mod fleet;
pub mod history;
pub mod identity;
pub mod journal_keeper;
pub mod judge;
pub mod knowledge;
pub mod kubernetes_site;
pub mod lock;
pub mod logs;
pub mod looked;
pub mod migration;
pub mod plan;
pub mod preflight;
pub mod repair;
pub mod resume;
pub mod run_context;
pub mod signals;
pub mod terms;
pub mod values;

mod advice;
mod canary_before;
mod change;
mod chart_crds;
pub mod doctor;
mod draft;
mod evidence;
mod examine;
mod facts;
mod look_again;
mod own;
mod permissions;
mod reissue;
mod stored_baseline;
