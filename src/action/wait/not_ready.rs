//! Which objects are not ready, in Helm 4's words, and why.

use std::fmt;

use thiserror::Error;

use crate::helm::manifest::Key;

/// A wait that ended before everything was ready.
#[derive(Debug, Error)]
#[error("{}", self.text())]
pub struct NotReady {
    /// Every object that is not ready.
    pub objects: Vec<Unready>,
    /// Whether the time was over; else something has failed for good.
    pub timed_out: bool,
}

/// One object that is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unready {
    /// The object.
    pub key: Key,
    /// Whether it failed for good.
    pub failed: bool,
    /// How far it is.
    pub message: String,
    /// What keeps it from going on.
    pub reasons: Vec<String>,
}

impl NotReady {
    fn text(&self) -> String {
        let mut lines: Vec<String> = self.objects.iter().map(ToString::to_string).collect();
        lines.extend(self.timed_out.then(|| "context deadline exceeded".to_owned()));
        lines.join("\n")
    }
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Key { kind, namespace, name, .. } = &self.key;
        let namespace = namespace.as_deref().unwrap_or_default();
        let status = if self.failed { "Failed" } else { "InProgress" };
        write!(
            f,
            "resource {kind}/{namespace}/{name} not ready. status: {status}, message: {}",
            self.message
        )?;
        self.reasons.iter().try_for_each(|reason| write!(f, "; {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_told_as_helm_4_tells_them_with_the_reasons_behind() {
        let key = |namespace: Option<&str>| Key {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: namespace.map(str::to_owned),
            name: "x".into(),
        };
        let unready = |failed: bool, reasons: &[&str]| Unready {
            key: key(Some("ns")),
            failed,
            message: "Available: 0/1".into(),
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        };
        let error = NotReady {
            objects: vec![unready(false, &[]), unready(true, &["Pod ns/x: no"])],
            timed_out: true,
        };
        insta::assert_snapshot!(error, @r"
        resource Deployment/ns/x not ready. status: InProgress, message: Available: 0/1
        resource Deployment/ns/x not ready. status: Failed, message: Available: 0/1; Pod ns/x: no
        context deadline exceeded
        ");
    }
}
