//! Every way out of the program, in one table.

use crate::failure::Kind;

/// How a successful command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, and everything asked for holds.
    Success,
    /// `--detailed-exitcode` on a dry run: there are changes.
    Changes,
}

impl Exit {
    /// The process exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Changes => 2,
        }
    }
}

/// The process exit code of a failure.
pub fn of_failure(kind: Kind) -> u8 {
    match kind {
        Kind::Refused => 1,
        Kind::RolledBack => 3,
        Kind::Halted => 4,
        Kind::Stuck => 5,
        Kind::Locked => 6,
        // 128 + signal number, as shells report it; signal numbers are below 65.
        Kind::Interrupted(signal) => u8::try_from(128 + signal).unwrap_or(255),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_readme() {
        assert_eq!([Exit::Success, Exit::Changes].map(Exit::code), [0, 2]);
        let kinds = [
            Kind::Refused,
            Kind::RolledBack,
            Kind::Halted,
            Kind::Stuck,
            Kind::Locked,
            Kind::Interrupted(2),
            Kind::Interrupted(15),
        ];
        assert_eq!(kinds.map(of_failure), [1, 3, 4, 5, 6, 130, 143]);
    }
}
