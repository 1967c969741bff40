//! Claims about Kubernetes and Helm, proved against real ones: a sandbox with three clusters, started once
//! for all tests.
//!
//! `SANDBOX_XTASK` names the xtask program; `SANDBOX_STATE` names the directory of a sandbox that runs
//! already and is left running.
//! Tests run side by side on the same clusters, so each one works in a namespace of its own.

mod action;
mod advice;
mod apply;
mod canary;
mod connect;
mod evidence;
mod gate;
mod hooks;
mod incidents;
mod interop;
mod killed;
mod lease;
mod logs;
mod many_upgrades;
mod metrics;
mod migrate;
mod node;
mod noise;
mod objects;
mod permissions;
mod preflight;
mod promised;
mod proofs;
mod release_secrets;
mod removal;
mod repair;
mod resilience;
mod rollout;
mod rules;
mod several;
mod support;
mod taken_up;
mod tls;
mod under_the_lock;
mod waiting;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    support::sandbox::with(|| {
        let mut arguments = Arguments::from_args();
        // They wait for clusters, not for processors.
        arguments.test_threads.get_or_insert(8);
        libtest_mimic::run(&arguments, trials()).exit_code()
    })
}

/// Every file's tests; one that is forgotten here is dead code, which the lints refuse.
fn trials() -> Vec<Trial> {
    let files = [
        action::trials(),
        advice::trials(),
        apply::trials(),
        canary::trials(),
        connect::trials(),
        evidence::trials(),
        gate::trials(),
        hooks::trials(),
        incidents::trials(),
        interop::trials(),
        killed::trials(),
        lease::trials(),
        logs::trials(),
        many_upgrades::trials(),
        metrics::trials(),
        migrate::trials(),
        node::trials(),
        noise::trials(),
        objects::trials(),
        permissions::trials(),
        preflight::trials(),
        promised::trials(),
        proofs::trials(),
        release_secrets::trials(),
        removal::trials(),
        repair::trials(),
        resilience::trials(),
        rollout::trials(),
        rules::trials(),
        several::trials(),
        taken_up::trials(),
        tls::trials(),
        under_the_lock::trials(),
        waiting::trials(),
    ];
    files.into_iter().flatten().collect()
}
