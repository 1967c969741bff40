//! The annotations by which cert-manager knows what belongs together
//! (cert-manager's `pkg/apis/certmanager/v1/types.go`).

/// The Certificate that a request or a Secret is for.
pub const CERTIFICATE_NAME: &str = "cert-manager.io/certificate-name";
/// Which revision of a Certificate a request is for.
pub const REVISION: &str = "cert-manager.io/certificate-revision";
/// Who signed what a Secret holds.
pub const ISSUER_NAME: &str = "cert-manager.io/issuer-name";
/// The kind of that issuer.
pub const ISSUER_KIND: &str = "cert-manager.io/issuer-kind";
/// The API group of that issuer.
pub const ISSUER_GROUP: &str = "cert-manager.io/issuer-group";
