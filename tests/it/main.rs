//! The program as its users run it: one file per command, one binary for all of them. No cluster and no
//! network beyond the loopback.

mod advise;
mod circles;
mod cluster_run;
mod config;
mod fleet_run;
mod helm_package;
mod helm_template;
mod helm_verbs;
mod help;
mod incidents;
mod init;
mod layers;
mod logs;
mod package;
mod pipelines;
mod publish;
mod readme;
mod repair;
mod repository_contract;
mod repository_faults;
mod repository_helm;
mod repository_serve;
mod repository_tls;
mod support;
mod usage;
