//! What the proxy does to a connection or a request, as the control file says it. Pure.
//!
//! The control file is a JSON list; the first fault that fits is used, and no fault means that everything
//! passes:
//! `[{"path": "/api/charts", "times": 2, "effect": {"status": {"code": 503}}}, {"effect": {"delay": {"ms": 200}}}]`

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One fault: whom it hits, how often, and what happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests with this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path and query contain this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How many connections or requests it hits; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What happens.
    pub effect: Effect,
}

/// What happens to a connection or a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Effect {
    /// Everything passes: takes requests out of the faults that follow. It proves nothing, so nobody asks
    /// whether it was used.
    Pass,
    /// Everything that the server says arrives this much later.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// Nothing is passed on and nothing is said, until the control file changes.
    Hang,
    /// The connection ends without a word; one that is under way ends in the middle.
    Cut,
    /// The proxy answers itself. HTTP only, like all that follow.
    Status {
        /// HTTP status code.
        code: u16,
        /// Header fields of the answer.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
        /// Body of the answer.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        body: String,
    },
    /// The server's answer ends after half of its body, and the connection with it.
    HalfBody,
    /// The server gets the request and does it; its answer is lost and the connection ends.
    LoseAnswer,
    /// A Kubernetes watch, new or under way, ends with the event that says 410 Gone.
    ExpireWatch,
}

/// A request as far as faults look at it. Connections that are not understood as HTTP have neither.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
}

impl From<Effect> for Fault {
    fn from(effect: Effect) -> Self {
        Self { method: None, path: None, times: None, effect }
    }
}

impl Fault {
    /// An answer of the proxy with this status and no body.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Effect::Status { code, headers: BTreeMap::new(), body: String::new() }.into()
    }

    /// The answer of an ACME server whose rate limit is reached (RFC 8555 section 6.6).
    #[must_use]
    pub fn acme_rate_limited() -> Self {
        let headers = [("content-type", "application/problem+json"), ("retry-after", "1")];
        Effect::Status {
            code: 429,
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            body: r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many certificates already issued","status":429}"#
                .into(),
        }
        .into()
    }

    /// Hits only this many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Hits only requests with this method whose path and query contain the text.
    #[must_use]
    pub fn on(mut self, method: &str, path: &str) -> Self {
        self.method = Some(method.to_owned());
        self.path = Some(path.to_owned());
        self
    }

    /// Whether the fault needs to understand HTTP.
    pub(crate) fn needs_http(&self) -> bool {
        !matches!(self.effect, Effect::Pass | Effect::Delay { .. } | Effect::Hang | Effect::Cut)
            || self.method.is_some()
            || self.path.is_some()
    }

    /// Whether it has hit nothing yet, or less than it says.
    pub(crate) fn is_unused(&self, used: u32) -> bool {
        self.effect != Effect::Pass && used < self.times.unwrap_or(1)
    }

    /// Whether the request is one that it hits.
    pub(crate) fn fits(&self, asked: Asked) -> bool {
        let watch = asked.target.contains("watch=true") || asked.target.contains("watch=1");
        self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(asked.method))
            && self.path.as_ref().is_none_or(|path| asked.target.contains(path.as_str()))
            && (self.effect != Effect::ExpireWatch || watch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let faults = vec![
            Fault::status(503).times(2).on("POST", "/api/charts"),
            Fault::acme_rate_limited(),
            Effect::Delay { ms: 200 }.into(),
            Effect::ExpireWatch.into(),
        ];
        let text = serde_json::to_string(&faults).unwrap();
        assert!(
            text.contains(
                r#"{"method":"POST","path":"/api/charts","times":2,"effect":{"status":{"code":503}}}"#
            ),
            "{text}"
        );
        assert!(text.contains(r#"{"effect":"expire-watch"}"#), "{text}");
        assert_eq!(serde_json::from_str::<Vec<Fault>>(&text).unwrap(), faults);
    }

    #[test]
    fn a_misspelt_fault_is_an_error() {
        for text in [r#"[{"effect":"cutt"}]"#, r#"[{"effect":"cut","tmies":1}]"#, r#"[{"times":1}]"#] {
            assert!(serde_json::from_str::<Vec<Fault>>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn whom_it_hits() {
        let get = |target| Asked { method: "GET", target };
        let watch = get("/api/v1/pods?resourceVersion=7&watch=true");
        for (fault, asked, expected) in [
            (Fault::status(500), get("/"), true),
            (Fault::status(500).on("get", "/api"), get("/api/charts"), true),
            (Fault::status(500).on("POST", "/api"), get("/api/charts"), false),
            (Fault::status(500).on("GET", "/index.yaml"), get("/api/charts"), false),
            (Effect::ExpireWatch.into(), watch, true),
            (Effect::ExpireWatch.into(), get("/api/v1/pods"), false),
            (Effect::Cut.into(), Asked::default(), true),
        ] {
            assert_eq!(fault.fits(asked), expected, "{fault:?} {asked:?}");
        }
    }

    #[test]
    fn how_often_it_has_to_be_used() {
        let fault = Fault::status(503);
        for (fault, used, unused) in [
            (fault.clone(), 0, true),
            (fault.clone(), 1, false),
            (fault.clone().times(2), 1, true),
            (fault.times(2), 2, false),
            (Effect::Pass.into(), 0, false),
        ] {
            assert_eq!(fault.is_unused(used), unused, "{fault:?} {used}");
        }
    }

    #[test]
    fn what_bytes_alone_can_suffer() {
        assert!(!Fault::from(Effect::Cut).needs_http());
        assert!(Fault::from(Effect::Cut).on("GET", "/").needs_http());
        assert!(Fault::from(Effect::HalfBody).needs_http());
    }
}
