//! The plan as a value: what a run would do. Pure.
