//! The API server's words for a request that somebody said no to; there is no other sign. Asks nothing.

/// cert-manager's own webhook, by its name in every chart.
pub(super) const WEBHOOK: &str = "webhook.cert-manager.io";

/// Somebody said no: policies speak through webhooks, or as what is built into the API server.
pub(super) fn is_denial(message: &str) -> bool {
    message.contains("denied the request") || message.contains("denied request")
}
