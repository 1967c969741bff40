//! What a gate consists of: a judge, what it sees and takes, when it applies, and what it proves in words.

use std::fmt;

use super::context::Context;
use super::opinion::Judgement;
use super::scope::Scope;
use super::seen::Seen;
use super::source::Source;
use super::start::Start;
use crate::cluster::access::Access;

/// From when on the objects of a gate are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// From the start of the run.
    First,
    /// From when the kinds that the chart brings are served.
    Kinds,
}

/// One gate.
#[derive(Clone, Copy)]
pub(super) struct Gate {
    pub(super) name: &'static str,
    pub(super) judge: fn(&Seen, &Context) -> Judgement,
    /// The README's words for what it proves.
    pub(super) proves: &'static str,
    pub(super) applies: fn(&Scope) -> bool,
    /// What it sees. Permissions and watches come from here.
    pub(super) sources: fn(&Scope) -> Vec<Source>,
    /// From when on.
    pub(super) turn: Turn,
    /// What it takes beside watching.
    pub(super) needs: fn(&Scope) -> Vec<Access>,
    /// Done once, when every gate before it is passed.
    pub(super) starts: Option<fn(&mut Start)>,
    /// It sees nothing but the answers to what it started itself.
    pub(super) acts: bool,
    /// Judged at any time: a regression is one before the rollout is complete, too. The others come one after
    /// the other.
    pub(super) always: bool,
    /// It says nothing without a baseline.
    pub(super) compares: bool,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Gate {
    /// A gate of cert-manager that is judged once those before it are passed.
    pub(super) const fn step(name: &'static str, judge: fn(&Seen, &Context) -> Judgement) -> Self {
        Self {
            name,
            judge,
            proves: "",
            applies: |scope| scope.is_cert_manager(),
            sources: |_| Vec::new(),
            turn: Turn::First,
            needs: |_| Vec::new(),
            starts: None,
            acts: false,
            always: false,
            compares: false,
        }
    }

    /// A gate of cert-manager that is judged at any time, against the baseline.
    pub(super) const fn regression(name: &'static str, judge: fn(&Seen, &Context) -> Judgement) -> Self {
        Self { always: true, compares: true, ..Self::step(name, judge) }
    }

    pub(super) const fn proves(self, proves: &'static str) -> Self {
        Self { proves, ..self }
    }

    pub(super) const fn when(self, applies: fn(&Scope) -> bool) -> Self {
        Self { applies, ..self }
    }

    /// What it sees, from the start of the run.
    pub(super) const fn sees(self, sources: fn(&Scope) -> Vec<Source>) -> Self {
        Self { sources, ..self }
    }

    /// What it sees, of kinds that the chart brings.
    pub(super) const fn sees_kinds(self, sources: fn(&Scope) -> Vec<Source>) -> Self {
        Self { sources, turn: Turn::Kinds, ..self }
    }

    /// Done when its turn has come.
    pub(super) const fn starts(self, starts: fn(&mut Start)) -> Self {
        Self { starts: Some(starts), ..self }
    }

    /// It has to do something itself to see anything, and takes this for it.
    pub(super) const fn acts(self, starts: fn(&mut Start), needs: fn(&Scope) -> Vec<Access>) -> Self {
        Self { acts: true, needs, ..self.starts(starts) }
    }

    /// What it takes beside watching, for what is begun elsewhere.
    pub(super) const fn needing(self, needs: fn(&Scope) -> Vec<Access>) -> Self {
        Self { needs, ..self }
    }

    pub(super) const fn compares(self) -> Self {
        Self { compares: true, ..self }
    }
}
