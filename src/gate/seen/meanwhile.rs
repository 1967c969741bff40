//! How far it is known what happened to Certificates between the baseline and the first look.

/// Whether every change of a Certificate since the baseline was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Meanwhile {
    /// The API server has forgotten it, or there is no baseline to begin at: some may never be seen.
    #[default]
    Unknown,
    /// It is being read.
    Asked,
    /// All of it was seen.
    Known,
}
