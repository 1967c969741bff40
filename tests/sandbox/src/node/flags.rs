//! Pure: points the listening flags of cert-manager's programs at local ports.
//!
//! Old and new pods, and several clusters, share one machine, so no program may listen on the port that its
//! chart names.

use k8s_openapi::api::core::v1::ContainerPort;

use crate::images::{Image, Kind};

/// How a flag writes the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `--secure-port=10250`
    Port,
    /// `--metrics-listen-address=0.0.0.0:9402`, where `0` switches it off.
    Address,
}

/// A flag by which a program is told where to listen, and since which minor version it has it.
struct Listener {
    flag: &'static str,
    /// The container port that the charts give this name stands for the default, when a configuration file
    /// chose it.
    port_name: &'static str,
    form: Form,
    default_port: u16,
    since_minor: u32,
}

const fn listener(
    flag: &'static str,
    port_name: &'static str,
    form: Form,
    default_port: u16,
    since_minor: u32,
) -> Listener {
    Listener { flag, port_name, form, default_port, since_minor }
}

const METRICS: &str = "--metrics-listen-address";
const CONTROLLER: &[Listener] = &[
    listener(METRICS, "http-metrics", Form::Address, 9402, 0),
    listener("--internal-healthz-listen-address", "http-healthz", Form::Address, 9403, 12),
];
const WEBHOOK: &[Listener] = &[
    listener("--secure-port", "https", Form::Port, 6443, 0),
    listener("--healthz-port", "healthcheck", Form::Port, 6080, 0),
    listener(METRICS, "http-metrics", Form::Address, 9402, 16),
];
const CAINJECTOR: &[Listener] = &[listener(METRICS, "http-metrics", Form::Address, 9402, 16)];

fn listeners(image: &Image) -> impl Iterator<Item = &'static Listener> {
    let of_kind = match image.kind {
        Kind::Controller => CONTROLLER,
        Kind::Webhook => WEBHOOK,
        Kind::Cainjector => CAINJECTOR,
        Kind::Ctl | Kind::Startupapicheck | Kind::Program => &[],
    };
    let minor = image.minor().unwrap_or(0);
    of_kind.iter().filter(move |listener| listener.since_minor <= minor)
}

/// The arguments with every listening flag pointed at the port that `local` gives for a container port.
pub(super) fn rewrite<E>(
    args: &[String],
    image: &Image,
    ports: &[ContainerPort],
    mut local: impl FnMut(u16) -> Result<u16, E>,
) -> Result<Vec<String>, E> {
    let mut rewritten = args.to_vec();
    for listener in listeners(image) {
        let asked = take(&mut rewritten, listener.flag);
        let value = match container_port(asked.as_deref(), listener, ports) {
            Some(port) => listener.form.write(local(port)?),
            None => asked.unwrap_or_default(),
        };
        rewritten.push(format!("{}={value}", listener.flag));
    }
    Ok(rewritten)
}

impl Form {
    fn write(self, port: u16) -> String {
        match self {
            Self::Port => port.to_string(),
            Self::Address => format!("127.0.0.1:{port}"),
        }
    }
}

/// The port that the program would listen on in its container; none when it is switched off or no port at
/// all.
fn container_port(asked: Option<&str>, listener: &Listener, ports: &[ContainerPort]) -> Option<u16> {
    let Some(asked) = asked else {
        let named = ports.iter().find(|port| port.name.as_deref() == Some(listener.port_name));
        return Some(
            named.and_then(|port| u16::try_from(port.container_port).ok()).unwrap_or(listener.default_port),
        );
    };
    let digits = match listener.form {
        Form::Port => asked,
        Form::Address => asked.rsplit_once(':')?.1,
    };
    digits.parse().ok().filter(|port| *port != 0)
}

/// Takes a flag out of the arguments, in both spellings, and gives its last value.
fn take(args: &mut Vec<String>, flag: &str) -> Option<String> {
    let mut value = None;
    let mut rest = Vec::with_capacity(args.len());
    let mut given = std::mem::take(args).into_iter();
    while let Some(arg) = given.next() {
        match arg.strip_prefix(flag) {
            Some("") => value = given.next(),
            Some(tail) if tail.starts_with('=') => value = Some(tail[1..].to_string()),
            _ => rest.push(arg),
        }
    }
    *args = rest;
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(kind: Kind, version: &str, args: &[&str]) -> Vec<String> {
        let image = Image { program: "/p".into(), args_prefix: vec![], kind, version: version.into() };
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        rewrite(&args, &image, &[], |port| Ok::<_, ()>(port + 10_000)).expect("ports never run out here")
    }

    #[test]
    fn listening_flags_point_at_local_ports() {
        let cases: &[(Kind, &str, &[&str], &[&str])] = &[
            (Kind::Controller, "v1.10.2", &["--v=2"], &["--v=2", "--metrics-listen-address=127.0.0.1:19402"]),
            (
                Kind::Controller,
                "v1.12.0",
                &["--metrics-listen-address=0.0.0.0:9500"],
                &[
                    "--metrics-listen-address=127.0.0.1:19500",
                    "--internal-healthz-listen-address=127.0.0.1:19403",
                ],
            ),
            (
                Kind::Webhook,
                "v1.11.5",
                &["--secure-port=10250", "--v=2"],
                &["--v=2", "--secure-port=20250", "--healthz-port=16080"],
            ),
            (
                Kind::Webhook,
                "v1.16.0",
                &["--secure-port", "10250", "--metrics-listen-address=0"],
                &["--secure-port=20250", "--healthz-port=16080", "--metrics-listen-address=0"],
            ),
            (Kind::Cainjector, "v1.15.9", &["--v=2"], &["--v=2"]),
            (Kind::Cainjector, "v1.16.0", &[], &["--metrics-listen-address=127.0.0.1:19402"]),
            (Kind::Ctl, "v1.11.5", &["check", "api"], &["check", "api"]),
            (Kind::Program, "", &["--secure-port=1"], &["--secure-port=1"]),
        ];
        for (kind, version, args, expected) in cases {
            assert_eq!(&rewritten(*kind, version, args), expected, "{kind:?} {version}");
        }
    }

    #[test]
    fn a_port_that_a_configuration_file_chose_is_found_by_its_name() {
        let image = Image {
            program: "/p".into(),
            args_prefix: vec![],
            kind: Kind::Webhook,
            version: "v1.11.5".into(),
        };
        let https =
            ContainerPort { name: Some("https".into()), container_port: 9443, ..ContainerPort::default() };
        let args = rewrite(&["--config=c".into()], &image, &[https], |port| Ok::<_, ()>(port + 10_000))
            .expect("a port");
        assert_eq!(args, ["--config=c", "--secure-port=19443", "--healthz-port=16080"]);
    }

    #[test]
    fn a_flag_that_only_begins_alike_is_left_alone() {
        assert_eq!(
            rewritten(Kind::Webhook, "v1.11.5", &["--secure-port-range=1"])[0],
            "--secure-port-range=1"
        );
    }
}
