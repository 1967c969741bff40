//! What is wrong with a host, by what a handshake showed. Pure: the time is that of the handshake.

use k8s_openapi::jiff::Timestamp;

use crate::certmanager::ingress::covers;
use crate::certmanager::resources::{Certificate, Condition, condition};
use crate::gate::seen::{Presented, ProbedHost, Staple, Store};

/// What ingress controllers serve when they have nothing to serve.
const DEFAULTS: [&str; 2] = ["Kubernetes Ingress Controller Fake Certificate", "TRAEFIK DEFAULT CERT"];
const DAY: i64 = 24 * 60 * 60;

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostProblem {
    pub(super) rule: &'static str,
    pub(super) message: String,
}

/// How bad something is, by its rule: what gets worse is news, also of a host that was not well before.
pub(super) fn weight(rule: &str) -> u8 {
    match rule {
        "" => 0,
        "days" | "ocsp" | "secret" => 1,
        "silent" => 3,
        _ => 2,
    }
}

/// What is wrong with a host; nothing when all is as expected.
pub(super) fn of(host: &ProbedHost, certificates: &Store<Certificate>) -> Option<HostProblem> {
    let seen = match &host.answer {
        Err(silent) => return Some(HostProblem { rule: "silent", message: silent.0.clone() }),
        Ok(seen) => seen,
    };
    let looking = Looking { seen, host, certificates };
    looking
        .time()
        .or_else(|| looking.default())
        .or_else(|| looking.chain())
        .or_else(|| looking.names())
        .or_else(|| looking.issuer())
        .or_else(|| looking.serial())
        .or_else(|| looking.stale())
        .or_else(|| looking.staple())
        .or_else(|| looking.days())
}

struct Looking<'l> {
    seen: &'l Presented,
    host: &'l ProbedHost,
    certificates: &'l Store<Certificate>,
}

impl Looking<'_> {
    fn told(&self, rule: &'static str, message: &str) -> HostProblem {
        let message = format!("{message} (serial {}, of {})", self.seen.serial, self.seen.issuer);
        HostProblem { rule, message }
    }

    fn time(&self) -> Option<HostProblem> {
        let Presented { at, not_before, not_after, .. } = self.seen;
        if at > not_after {
            let newer = self.newer().map(|newer| format!("; {newer}")).unwrap_or_default();
            let ago = told_days(*not_after, *at);
            let expired = format!("its certificate has expired on {}, {ago} ago{newer}", day(*not_after));
            return Some(self.told("expired", &expired));
        }
        let early =
            format!("its certificate is valid from {not_before} on, and by this machine's clock it is {at}");
        (at < not_before).then(|| self.told("not-yet", &early))
    }

    /// A newer certificate that the host does not serve.
    fn newer(&self) -> Option<String> {
        match (&self.host.probed.expect.secret, &self.host.secret) {
            (Some(name), Some(Ok(serial))) if *serial != self.seen.serial => Some(format!(
                "Secret {name} holds another one (serial {serial}) that the host does not serve"
            )),
            _ => self.stale().map(|stale| stale.message),
        }
    }

    fn default(&self) -> Option<HostProblem> {
        let names = [&self.seen.subject, &self.seen.issuer];
        let default = DEFAULTS.iter().find(|default| names.iter().any(|name| name.contains(**default)))?;
        let told = format!(
            "the ingress controller serves its own `{default}`: the Secret of the host is missing or holds no certificate"
        );
        Some(self.told("default", &told))
    }

    fn chain(&self) -> Option<HostProblem> {
        let why = self.seen.distrusted.as_ref()?;
        let sent = match self.seen.sent {
            1 => "the host sent its certificate alone, without an intermediate one".to_owned(),
            count => format!("the host sent {count} certificates"),
        };
        Some(self.told("chain", &format!("its chain is not trusted: {why}; {sent}")))
    }

    fn names(&self) -> Option<HostProblem> {
        let probed = &self.host.probed;
        let wanted = std::iter::once(&probed.server_name).chain(&probed.expect.names);
        let missing: Vec<&str> = wanted
            .filter(|name| !self.seen.names.contains(name) && !covers(&self.seen.names, name))
            .map(String::as_str)
            .collect();
        let told =
            format!("its certificate is for {}, not for {}", self.seen.names.join(", "), missing.join(", "));
        (!missing.is_empty()).then(|| self.told("names", &told))
    }

    fn issuer(&self) -> Option<HostProblem> {
        let wanted = self.host.probed.expect.issuer.as_ref()?;
        let told = format!("its certificate is not of `{wanted}`");
        (!self.seen.issuer.contains(wanted.as_str())).then(|| self.told("issuer", &told))
    }

    fn serial(&self) -> Option<HostProblem> {
        let name = self.host.probed.expect.secret.as_ref()?;
        match self.host.secret.as_ref()? {
            Ok(serial) if *serial == self.seen.serial => None,
            Ok(serial) => {
                let told = format!(
                    "it serves another certificate than Secret {name} holds (serial {serial}): what serves the host has not loaded it"
                );
                Some(self.told("serial", &told))
            }
            Err(why) => Some(HostProblem { rule: "secret", message: format!("read Secret {name}: {why}") }),
        }
    }

    /// By what cert-manager says of the Certificate, for which no Secret has to be read.
    fn stale(&self) -> Option<HostProblem> {
        let origin = self.host.probed.origin.as_ref()?;
        let certificate = self.certificates.iter().find(|certificate| {
            certificate.metadata.namespace.as_ref() == Some(&origin.namespace)
                && certificate.spec.secret_name == origin.name
        })?;
        let ready = condition(&certificate.status.conditions, "Ready").is_some_and(Condition::is_true);
        let until = certificate.status.not_after.as_ref().filter(|_| ready)?.0;
        let told = format!(
            "it serves a certificate that is valid until {}, and the one in Secret {origin} is until {until}: what serves the host has not loaded it",
            self.seen.not_after
        );
        (until != self.seen.not_after).then(|| self.told("stale", &told))
    }

    fn staple(&self) -> Option<HostProblem> {
        match &self.seen.staple {
            Staple::Absent if self.host.probed.expect.ocsp => {
                Some(self.told("ocsp", "no OCSP answer is stapled to its certificate"))
            }
            Staple::Bad(why) => {
                Some(self.told("ocsp", &format!("its stapled OCSP answer is not good: {why}")))
            }
            Staple::Good(Some(until)) if *until < self.seen.at => {
                Some(self.told("ocsp", &format!("its stapled OCSP answer was valid until {until} only")))
            }
            Staple::Absent | Staple::Good(_) => None,
        }
    }

    fn days(&self) -> Option<HostProblem> {
        let wanted = self.host.probed.expect.days?;
        let left = self.seen.not_after.as_second() - self.seen.at.as_second();
        let until = day(self.seen.not_after);
        let told = format!(
            "its certificate is valid for {} only, until {until}; {wanted} days are expected",
            told_days(self.seen.at, self.seen.not_after)
        );
        (left < i64::from(wanted) * DAY).then(|| self.told("days", &told))
    }
}

/// The day, as `2026-11-28`.
pub(super) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn told_days(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_second() - from.as_second();
    match (seconds / DAY, seconds / 3600, seconds / 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, _) => format!("{hours} h"),
        (1, ..) => "1 day".to_owned(),
        (days, ..) => format!("{days} days"),
    }
}
