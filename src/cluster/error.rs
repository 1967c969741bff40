//! Why a request to an API server failed, sorted by what a person can do about it.

use std::error::Error;
use std::io;

use super::Cluster;
use super::plugin::PluginError;

/// A request that failed: what was being done, where, and why.
#[derive(Debug, thiserror::Error)]
#[error("{doing} (cluster `{cluster}`)")]
pub struct ApiError {
    doing: String,
    cluster: String,
    #[source]
    cause: Cause,
}

/// The server took a request, or part of it, and said nothing more; the seconds that it was given.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0} s")]
pub(super) struct NoAnswer(pub(super) u64);

/// Why a request failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Cause {
    /// No answer: refused, unknown host, time-out, cut off.
    #[error("the API server does not answer: {0}; is it up, and is the network open to it?")]
    Unreachable(String),
    /// The server's certificate is not trusted, or is for another name.
    #[error(
        "TLS with the API server failed: {0}; check the certificate authority of the kubeconfig's cluster"
    )]
    Tls(String),
    /// 401.
    #[error(
        "the API server does not accept the credentials of the kubeconfig (401): {0}; log in again, or renew the token or certificate"
    )]
    WrongCredentials(String),
    /// 403. The server's message names the user, the verb and the resource.
    #[error("no permission: {0}")]
    Forbidden(String),
    /// 404.
    #[error("not found: {0}")]
    NotFound(String),
    /// 409: somebody else changed it, or it exists already.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The program that gives credentials failed.
    #[error(transparent)]
    Credentials(#[from] PluginError),
    /// Any other answer of the server, with its HTTP status.
    #[error("the API server answers {code}: {message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// An answer that cannot be read, or a request that cannot be built.
    #[error("{0}")]
    Other(String),
}

impl ApiError {
    /// A failed request on a cluster. `doing` reads like "read the Lease `x` in `ns`".
    pub fn new(cluster: &Cluster, doing: impl Into<String>, error: &kube::Error) -> Self {
        Self::with_cause(&cluster.name, doing, Cause::of(error))
    }

    /// The same from a cause that is known already.
    pub fn with_cause(cluster: &str, doing: impl Into<String>, cause: Cause) -> Self {
        Self { doing: doing.into(), cluster: cluster.to_owned(), cause }
    }

    /// Why.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }
}

impl Cause {
    /// Whether it says nothing about the request itself: no request to this cluster would be answered.
    pub fn is_of_the_cluster(&self) -> bool {
        matches!(
            self,
            Cause::Unreachable(_) | Cause::Tls(_) | Cause::WrongCredentials(_) | Cause::Credentials(_)
        )
    }

    /// Sorts an error of kube.
    pub fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_status(status),
            other => Self::of_chain(other),
        }
    }

    fn of_status(status: &kube::core::Status) -> Self {
        let message = if status.message.is_empty() { status.reason.clone() } else { status.message.clone() };
        match status.code {
            401 => Cause::WrongCredentials(message),
            403 => Cause::Forbidden(message),
            404 => Cause::NotFound(message),
            409 => Cause::Conflict(message),
            code => Cause::Refused { code, message },
        }
    }

    /// Below a generic error, the first one that says more: a credential plugin, TLS, or the network.
    fn of_chain(error: &(dyn Error + 'static)) -> Self {
        let chain = chain(error);
        if let Some(error) = chain.iter().find_map(|error| error.downcast_ref::<PluginError>()) {
            return error.clone().into();
        }
        let deepest = chain.last().map_or_else(|| error.to_string(), ToString::to_string);
        if chain.iter().any(|error| error.is::<rustls::Error>()) {
            return Cause::Tls(deepest);
        }
        let network = |error: &&(dyn Error + 'static)| {
            error.is::<io::Error>()
                || error.is::<hyper_util::client::legacy::Error>()
                || error.is::<NoAnswer>()
        };
        if chain.iter().any(network) { Cause::Unreachable(deepest) } else { Cause::Other(error.to_string()) }
    }
}

/// The error and everything below it. An `io::Error` hides what it wraps from `source()`, so it is opened by
/// hand.
pub(super) fn chain<'e>(error: &'e (dyn Error + 'static)) -> Vec<&'e (dyn Error + 'static)> {
    let mut chain = vec![error];
    let mut current = error;
    loop {
        let wrapped = current
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inner| inner as &(dyn Error + 'static));
        match wrapped.or_else(|| current.source()) {
            Some(next) => {
                chain.push(next);
                current = next;
            }
            None => return chain,
        }
    }
}
