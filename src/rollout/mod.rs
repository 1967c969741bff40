//! The loop over clusters and steps, and the one state function. Knows no chart, gate or backend.
