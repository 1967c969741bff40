//! Is an object ready? By the rules of kstatus, which Helm 4 waits by, stricter where they would call ready what is
//! not. Pure: objects as JSON, no clock and no cluster. Both `--wait` and the gates judge by it.

mod conditions;
mod fields;
mod promise;
mod state;
mod status;
mod workload;

pub use conditions::{ObjectCondition, condition};
pub use fields::{kind, number, text};
pub use promise::of_promised;
pub use state::{Health, HealthState};
pub use status::{is_always_ready, of, of_hook};
pub use workload::cannot_create;
