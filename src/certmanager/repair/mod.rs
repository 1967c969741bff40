//! What gets a Certificate issued that is not: what its chain says, what stands in the way, and which move
//! works in its state. Pure: asks no cluster and no clock.
//!
//! A failed Order is never tried again itself, and what makes cert-manager begin anew differs from state to
//! state, so that deleting objects helps in some and is in vain or does harm in others.

pub mod judge;
pub mod limits;
pub mod moves;
pub mod named;
pub mod obstacle;
pub mod plan;
pub mod progress;
pub mod scene;
pub mod stuck;
pub mod trouble;

#[cfg(test)]
mod tests;
