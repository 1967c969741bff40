//! Where a chart goes: ChartMuseum first. Knows no cluster.
