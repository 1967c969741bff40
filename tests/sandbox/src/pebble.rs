//! How Pebble, the ACME test server, is configured and started.
