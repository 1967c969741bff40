//! Where a chart comes from: git, directory, archive. Knows no repository and no cluster.
