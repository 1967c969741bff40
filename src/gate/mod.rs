//! Is this cluster healthy enough to go on? `observe` does the I/O, `judge` has no I\/O and no clock; nothing observed is never Passed.
