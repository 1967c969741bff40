//! Kubernetes: one cluster, its API and what `release` reads and writes there. Knows no plan and no gate.
