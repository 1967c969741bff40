//! A chart: its files, its metadata, and how it is packaged. No cluster, no network.
