//! What is wished: `release.yaml`, read once and resolved. No cluster, no network.
