//! What happened: the journal of a run, and what a failure left behind. Decides nothing.
