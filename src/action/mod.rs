//! Helm's verbs on one cluster: render, upgrade, roll back. No policy.
