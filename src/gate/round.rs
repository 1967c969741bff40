//! What one look found: each gate with what it says, and whether that ends the run. No I/O and no clock.

use std::time::Duration;

use super::attribution::attribute;
use super::corroboration::Corroboration;
use super::opinion::{Holds, Judgement};
use super::verdict::{Finding, Verdict};

/// What one gate says in one round.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) gate: &'static str,
    pub(super) verdict: Verdict,
    pub(super) judgement: Judgement,
    /// Every gate before it is passed.
    pub(super) reached: bool,
    /// There is nothing to compare with. That was so from the start, so it neither ends the run nor keeps
    /// what can be proven without a comparison from being proven.
    pub(super) incomparable: bool,
    /// At the end: why nothing is known of it.
    pub(super) unseen: Option<String>,
}

impl Judged {
    pub(super) fn new(gate: &'static str, judgement: Judgement, reached: bool) -> Self {
        let verdict = judgement.verdict();
        Self { gate, verdict, judgement, reached, incomparable: false, unseen: None }
    }

    /// Nothing was said about it.
    pub(super) fn is_blank(&self) -> bool {
        self.judgement.opinions.is_empty() && self.judgement.facts.is_empty()
    }

    /// Nothing can be known of it.
    pub(super) fn hide(&mut self, why: String) {
        (self.judgement, self.verdict) = (Judgement::default(), Verdict::Waiting);
        self.unseen = Some(why);
    }

    /// Says again who is to blame, after what waited has failed.
    pub(super) fn attribute(&mut self, corroboration: &Corroboration) {
        attribute(self.gate, &mut self.judgement.opinions, corroboration);
        self.verdict = self.judgement.verdict();
    }

    /// The gates after it have to wait for it.
    pub(super) fn keeps_back(&self) -> bool {
        self.verdict != Verdict::Passed && !self.incomparable
    }

    /// Worth telling: a gate whose turn has not come is told only when it is not well.
    pub(super) fn is_told(&self) -> bool {
        self.reached || self.verdict > Verdict::Waiting
    }

    /// The worst opinion, or the first fact.
    pub(super) fn headline(&self) -> String {
        let mut holding = self
            .judgement
            .opinions
            .iter()
            .filter(|opinion| opinion.holds == Holds::Gate && opinion.verdict == self.verdict);
        match holding.next() {
            Some(opinion) if self.verdict > Verdict::Passed => {
                format!("{}: {}", opinion.target, opinion.message)
            }
            _ => match self.judgement.facts.as_slice() {
                [] => String::new(),
                [fact] => fact.clone(),
                [fact, more @ ..] => format!("{fact}, and {} more", more.len()),
            },
        }
    }
}

/// One look.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) judged: Vec<Judged>,
    /// When to look again if nothing changes, from the start of the run.
    pub(super) next: Option<Duration>,
    /// The gate and the opinion that ended the run.
    pub(super) first: Option<(usize, usize)>,
}

impl Round {
    /// There is such a gate, and it has said neither yes nor no.
    pub(super) fn is_open(&self, gate: &str) -> bool {
        self.judged.iter().any(|judged| judged.gate == gate && judged.verdict == Verdict::Waiting)
    }

    /// The worst verdict.
    pub(super) fn verdict(&self) -> Verdict {
        Verdict::worst(self.judged.iter().map(|judged| judged.verdict))
    }

    /// The worst verdict of what can be proven; the run goes on while it is `Waiting`.
    pub(super) fn proven(&self) -> Verdict {
        let proven = self.judged.iter().filter(|judged| !judged.incomparable);
        Verdict::worst(proven.map(|judged| judged.verdict))
    }

    /// The places of everything that is not well, gate and opinion; what ended the run comes first.
    pub(super) fn failures(&self) -> Vec<(usize, usize)> {
        let of = |(gate, judged): (usize, &Judged)| -> Vec<(usize, usize)> {
            let opinions = judged.judgement.opinions.iter().enumerate();
            let bad = opinions.filter(|(_, opinion)| opinion.verdict > Verdict::Waiting);
            bad.map(|(opinion, _)| (gate, opinion)).collect()
        };
        let mut places: Vec<(usize, usize)> = self.judged.iter().enumerate().flat_map(of).collect();
        places.sort_by_key(|place| Some(*place) != self.first);
        places
    }

    /// What ended the run.
    pub(super) fn first_cause(&self) -> Option<Finding> {
        let (gate, opinion) = self.first?;
        Some(self.judged.get(gate)?.judgement.opinions.get(opinion)?.finding())
    }

    /// The first of the worst opinions.
    pub(super) fn worst(&self) -> Option<(usize, usize)> {
        let verdict = self.verdict();
        let is_worst = |(gate, opinion): &(usize, usize)| {
            self.judged[*gate].judgement.opinions[*opinion].verdict == verdict
        };
        self.failures().into_iter().find(is_worst)
    }
}
