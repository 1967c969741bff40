//! What there was before the change, for a run that is taken up: as the journal has it, or this machine. Pure.

use serde_json::Value;

use crate::gate::baseline::Baseline;

/// The journal's baseline. What did not fit into it is still in `kept` if this is the machine that the run began on;
/// elsewhere the journal's word that it is missing stays. Nothing where the run had not come to take one.
pub(super) fn taken_up(journal: Option<&Value>, kept: impl FnOnce() -> Option<String>) -> Option<Baseline> {
    let stored: Option<Baseline> = journal.and_then(|value| serde_json::from_value(value.clone()).ok());
    match stored {
        Some(baseline) if baseline.why_missing().is_none() => Some(baseline),
        stored => kept().and_then(|text| serde_json::from_str(&text).ok()).or(stored),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_believed_then_this_machine_then_that_it_is_missing() {
        let plain = |baseline: &Baseline| serde_json::to_value(baseline).unwrap();
        let missing = Baseline::missing("does not fit");
        let kept = Some(plain(&Baseline::default()).to_string());
        let garbage = Value::from("no baseline");
        let cases = [
            ("the run had not taken one", None, None, None),
            ("the journal has none, this machine has", None, kept.clone(), Some(Baseline::default())),
            (
                "it did not fit, this machine has it",
                Some(plain(&missing)),
                kept.clone(),
                Some(Baseline::default()),
            ),
            ("it did not fit, another machine", Some(plain(&missing)), None, Some(missing.clone())),
            ("neither can be read", Some(garbage.clone()), Some("{".to_owned()), None),
            ("only this machine's can be read", Some(garbage), kept, Some(Baseline::default())),
        ];
        for (case, journal, kept, expected) in cases {
            assert_eq!(taken_up(journal.as_ref(), || kept), expected, "{case}");
        }
    }

    #[test]
    fn what_the_journal_holds_is_not_read_again() {
        let journal = serde_json::to_value(Baseline::default()).unwrap();
        assert_eq!(taken_up(Some(&journal), || panic!("the journal has it")), Some(Baseline::default()));
    }
}
