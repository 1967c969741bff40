//! What watches the clusters beside Kubernetes itself. For now: where their logs are kept. Changes nothing
//! there.

mod error;
mod hit;
mod log_store;
mod search;

pub use error::LogStoreError;
pub use hit::StoredLine;
pub use log_store::{LogStore, StoredLines};
pub use search::LogQuery;
