//! Whose an object is that something is wrong with: nobody is blamed for what somebody else did.

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    /// The chart's, or a canary of this run.
    Ours,
    /// A user's; it worked before the upgrade, and nobody has touched it since.
    Known,
    /// A user's, who changed it since the baseline was taken.
    Edited,
    /// A user's; its issuance had begun before the upgrade.
    InFlight,
    /// Made since the baseline was taken, by somebody whose wishes we do not know.
    New,
    /// To be signed by another controller than cert-manager.
    External,
    /// It was so before the upgrade.
    Before,
    /// Nothing came before: what is broken now is broken, whoever did it.
    Now,
}
