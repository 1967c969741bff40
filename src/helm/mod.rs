//! Helm's formats and rules. Knows no fleet, no gate and no terminal.

pub mod chart;
