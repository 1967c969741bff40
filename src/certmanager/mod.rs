//! What cert-manager's states, versions and log lines mean, as data and pure rules. No I/O.
