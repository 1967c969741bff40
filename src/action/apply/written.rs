//! What came of the objects that were to be written. Pure.

use thiserror::Error;

use super::problem::{Problem, Why, lines};
use crate::action::permit::NoLeave;
use crate::helm::manifest::Key;

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Objects that did not exist before; also those that were tried and may exist now.
    pub created: Vec<Key>,
    /// Objects that existed.
    pub updated: Vec<Key>,
    /// Objects that the server would not have changed, and CRDs that stayed.
    pub unchanged: Vec<Key>,
    /// Objects that left the manifest.
    pub deleted: Vec<Key>,
}

/// Writing stopped in the middle.
#[derive(Debug, Error)]
#[error("{}", self.text())]
pub struct Failed {
    /// What was written before.
    pub applied: Applied,
    /// The objects that could not be written.
    pub problems: Vec<Problem>,
    /// Nothing more may be written: the lock is lost.
    pub stopped: Option<NoLeave>,
}

impl Failed {
    /// Objects that could not be written.
    pub fn new(applied: Applied, problems: Vec<Problem>) -> Self {
        Self { applied, problems, stopped: None }
    }

    fn text(&self) -> String {
        let lines = lines(&self.problems);
        match &self.stopped {
            Some(stopped) => format!("{stopped}{lines}"),
            None if self.applied == Applied::default() => format!(
                "the API server would not take {} of the objects; none of them was written{lines}",
                self.problems.len()
            ),
            None => format!("{} of the objects could not be written{lines}", self.problems.len()),
        }
    }
}

/// What came of one object. `created`: it did not exist before.
#[derive(Debug)]
pub(super) enum Written {
    /// There was nothing to write.
    Unchanged,
    /// It was not sent.
    NotSent(NoLeave),
    /// The server took it.
    Done { created: bool },
    /// The server did not take it, or did not answer.
    Failed { created: bool, why: Why },
    /// It was sent, and nobody waited for the answer any more.
    CutOff { created: bool, lost: NoLeave },
}

impl Applied {
    /// Notes what came of one object.
    pub(super) fn add(&mut self, key: &Key, written: &Written) {
        let list = match written {
            Written::Unchanged => &mut self.unchanged,
            Written::NotSent(_) => return,
            Written::Done { created } | Written::Failed { created, .. } | Written::CutOff { created, .. } => {
                if *created {
                    &mut self.created
                } else {
                    &mut self.updated
                }
            }
        };
        list.push(key.clone());
    }
}

/// What went wrong with a group.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    pub(super) problems: Vec<Problem>,
    pub(super) stopped: Option<NoLeave>,
}

impl Wrong {
    /// Nothing went wrong; else what was written before is told with it.
    pub(super) fn or_go_on(self, applied: &mut Applied) -> Result<(), Failed> {
        let Self { problems, stopped } = self;
        if problems.is_empty() && stopped.is_none() {
            return Ok(());
        }
        Err(Failed { applied: std::mem::take(applied), problems, stopped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_exist_is_told_as_created() {
        let key =
            |name: &str| Key { group: String::new(), kind: "A".into(), namespace: None, name: name.into() };
        let mut applied = Applied::default();
        applied.add(&key("cut"), &Written::CutOff { created: true, lost: NoLeave::ReadOnly });
        applied.add(&key("never-sent"), &Written::NotSent(NoLeave::ReadOnly));
        applied.add(&key("was-there"), &Written::Done { created: false });
        applied.add(&key("same"), &Written::Unchanged);
        let expected = Applied {
            created: vec![key("cut")],
            updated: vec![key("was-there")],
            unchanged: vec![key("same")],
            deleted: Vec::new(),
        };
        assert_eq!(applied, expected);
        let failed = Wrong { problems: Vec::new(), stopped: Some(NoLeave::ReadOnly) };
        let failed = failed.or_go_on(&mut applied).unwrap_err();
        assert_eq!((failed.to_string(), failed.applied), (NoLeave::ReadOnly.to_string(), expected));
    }
}
