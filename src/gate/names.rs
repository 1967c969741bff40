//! The names of gates that something beside the table of gates knows.

/// The API server answers.
pub const API_SERVER: &str = "api-server";
/// The pods of the new revision run.
pub const WORKLOAD: &str = "workload";
/// The new pods lead.
pub const LEASE: &str = "lease";
/// The webhook answers.
pub const WEBHOOK: &str = "webhook";
/// Certificates are not issued again.
pub const REISSUE: &str = "reissue";
/// The controller's own counters.
pub const METRICS: &str = "metrics";
/// cert-manager logs no new errors.
pub const LOGS: &str = "logs";
/// Ingresses and Gateways have their certificates.
pub const INGRESS: &str = "ingress";
/// Hosts serve the certificates that they should.
pub const TLS: &str = "tls";
/// A fresh certificate is issued.
pub const CANARY: &str = "canary";
/// Objects of any kind are well, by the rules of `release.yaml`.
pub const RULES: &str = "rules";
/// Every other object of the manifest is ready.
pub const OBJECTS: &str = "objects";
/// Healthy without a break for a while: no judge, but the loop's own.
pub const SETTLE: &str = "settle";
