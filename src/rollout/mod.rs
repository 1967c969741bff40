//! The loop over clusters and steps, and the one state function. Pure: knows no chart, backend or socket;
//! what differs was decided in the plan, and what touches a cluster is behind [`port::ClusterPort`].

pub mod cluster_run;
pub mod fleet;
pub mod fold;
pub mod interrupt;
pub mod outcome;
pub mod policy;
pub mod port;
pub mod soak;
pub mod state;
pub mod step;
pub mod take_up;

use crate::evidence::event::Event;
use crate::gate::Verdict;

pub use outcome::{ClusterOutcome, Outcome};
pub use state::ClusterState;

/// What watches a run: the screen, or nobody. It must return at once.
pub trait Observer: Send + Sync {
    /// Something happened, and the cluster is in this state now.
    fn event(&self, cluster: &str, state: ClusterState, event: &Event);
    /// A gate changed its mind, or its reason.
    fn gate(&self, cluster: &str, gate: &str, verdict: Verdict, message: &str);
    /// Something worth a line.
    fn note(&self, cluster: &str, text: &str);
}
