//! One reading of the counters of cert-manager's controllers, as a value; it asks nobody.

use std::collections::BTreeMap;

use crate::certmanager::metrics::ControllerCounts;

/// By the uid of each pod: its counters begin anew with it.
pub(crate) type Scraped = Result<BTreeMap<String, ControllerCounts>, Unread>;

/// Why they could not be read. Nothing about cert-manager: Prometheus reads them on another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread(pub(crate) String);
