//! `release repository`: chart repositories.

use std::path::PathBuf;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::redact::Secret;
use crate::report::exit_code::Exit;
use crate::report::printer::Printer;
use crate::repository::serve::{Access, Museum, serve};

/// The commands of `release repository`.
#[derive(Debug, clap::Subcommand)]
pub enum RepositoryCommand {
    /// Serve the charts of a directory with ChartMuseum's API
    Serve(ServeArgs),
}

/// Serve the charts of a directory with ChartMuseum's API
///
/// Prints the repository's address to stdout once it accepts connections, and ends cleanly on SIGTERM and
/// Ctrl-C. A published version is never overwritten, unless --allow-overwrite is given and the upload says
/// ?force.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Directory of the archives; created when it is missing
    #[arg(long, value_name = "DIRECTORY")]
    dir: PathBuf,
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Path before every route
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    context_path: String,
    /// User name for basic authentication
    #[arg(long, value_name = "NAME", requires = "password_env")]
    username: Option<String>,
    /// Environment variable that holds the password
    #[arg(long, value_name = "VARIABLE", requires = "username")]
    password_env: Option<String>,
    /// Reading needs no credentials
    #[arg(long, requires = "username")]
    auth_anonymous_get: bool,
    /// Largest upload in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 20 << 20)]
    max_upload_size: usize,
    /// How many archives at most are stored
    #[arg(long, value_name = "COUNT")]
    max_storage_objects: Option<usize>,
    /// Let an upload with ?force replace a published version
    #[arg(long)]
    allow_overwrite: bool,
}

/// Runs what was typed after `release repository`.
pub async fn run(command: RepositoryCommand, printer: &Printer) -> Result<Exit, Failure> {
    match command {
        RepositoryCommand::Serve(args) => serve_directory(args, printer).await,
    }
}

/// The storage directory or the address cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("serve the charts of `{}` on {listen}", dir.display())]
struct NotServed {
    dir: PathBuf,
    listen: String,
    #[source]
    source: std::io::Error,
}

/// The variable of `--password-env` is missing.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable `{0}` of --password-env is not set")]
struct NoPassword(String);

async fn serve_directory(args: ServeArgs, printer: &Printer) -> Result<Exit, Failure> {
    let access = args.access()?;
    let (dir, listen) = (args.dir.clone(), args.listen.clone());
    let failed = |source| NotServed { dir: dir.clone(), listen: listen.clone(), source };
    let open = matches!(access, Access::Open);
    let museum = Museum {
        directory: args.dir,
        context_path: args.context_path,
        access,
        max_upload_size: args.max_upload_size,
        max_storage_objects: args.max_storage_objects,
        allow_overwrite: args.allow_overwrite,
    };
    let context_path = museum.context_path.trim_matches('/').to_owned();
    let router = museum.router().map_err(failed)?;
    let stopped = stopped().map_err(failed)?;
    let listener = TcpListener::bind(&listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    printer.line(&format!("Serving the charts of {}; stop with Ctrl-C.", dir.display()));
    if open && !address.ip().is_loopback() {
        printer.warn(&format!(
            "everybody who reaches {address} can read and publish charts; set --username and --password-env"
        ));
    }
    printer.data(format!("http://{address}/{context_path}").trim_end_matches('/'));
    serve(listener, router, stopped).await.map_err(failed)?;
    Ok(Exit::Success)
}

impl ServeArgs {
    fn access(&self) -> Result<Access, Failure> {
        match (&self.username, &self.password_env) {
            (Some(username), Some(variable)) => {
                let password = std::env::var(variable).map_err(|_| NoPassword(variable.clone()))?;
                Ok(Access::Basic {
                    username: username.clone(),
                    password: Secret::new(password),
                    anonymous_get: self.auth_anonymous_get,
                })
            }
            _ => Ok(Access::Open),
        }
    }
}

/// Done at the first SIGTERM or SIGINT.
fn stopped() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
