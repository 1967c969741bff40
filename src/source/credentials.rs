//! Who we are to a git server: a token, a key, the ssh agent, or the credential helpers of the user's git.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use git2::{Config, Cred, CredentialType, ErrorClass, ErrorCode};

use crate::redact::{self, Secret};

/// What may be offered to a server.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials {
    /// The user name for https and ssh.
    pub(super) username: Option<String>,
    /// The token or password for https.
    pub(super) token: Option<Secret>,
    /// A private key file for ssh.
    pub(super) ssh_key: Option<PathBuf>,
}

/// One way to prove who we are.
#[derive(Debug, Clone)]
enum Offer {
    Token,
    Helper,
    Agent,
    KeyFile(PathBuf),
}

/// Offers each way once, in order; libgit2 asks again after a refusal.
pub(super) struct Offers {
    credentials: Credentials,
    plain: VecDeque<Offer>,
    ssh: VecDeque<Offer>,
    tried: Vec<String>,
}

impl Offers {
    /// The offers that can be made from this machine.
    pub(super) fn new(credentials: Credentials) -> Self {
        let plain = if credentials.token.is_some() { vec![Offer::Token] } else { vec![Offer::Helper] };
        let ssh = ssh_offers(
            credentials.ssh_key.as_deref(),
            std::env::var_os("SSH_AUTH_SOCK").is_some(),
            home().as_deref(),
        );
        Self { credentials, plain: plain.into(), ssh: ssh.into(), tried: Vec::new() }
    }

    /// What was offered so far, in words.
    pub(super) fn tried(&self) -> &[String] {
        &self.tried
    }

    /// The next credential that the server may accept.
    pub(super) fn next(
        &mut self,
        url: &str,
        user_of_url: Option<&str>,
        allowed: CredentialType,
    ) -> Result<Cred, git2::Error> {
        let user = self
            .credentials
            .username
            .clone()
            .or_else(|| user_of_url.map(str::to_owned))
            .unwrap_or_else(|| "git".to_owned());
        if allowed.contains(CredentialType::USERNAME) {
            return Cred::username(&user);
        }
        let offers = if allowed.contains(CredentialType::SSH_KEY) { &mut self.ssh } else { &mut self.plain };
        while let Some(offer) = offers.pop_front() {
            let (words, cred) = self.credentials.make(&offer, url, &user);
            self.tried.push(words);
            if let Ok(cred) = cred {
                return Ok(cred);
            }
        }
        Err(git2::Error::new(
            ErrorCode::Auth,
            ErrorClass::Callback,
            "the server refused everything that was offered",
        ))
    }
}

impl Credentials {
    fn make(&self, offer: &Offer, url: &str, user: &str) -> (String, Result<Cred, git2::Error>) {
        match offer {
            Offer::Token => {
                let token = self.token.as_ref().map_or("", Secret::reveal);
                (
                    // The user of an URL may be a token itself.
                    if redact::looks_like_token(user) {
                        "the token of the configuration".to_owned()
                    } else {
                        format!("the token of the configuration, as user {user}")
                    },
                    Cred::userpass_plaintext(user, token),
                )
            }
            Offer::Helper => {
                let helped = Config::open_default()
                    .and_then(|config| Cred::credential_helper(&config, url, self.username.as_deref()));
                let words = if helped.is_ok() {
                    "git's credential helper"
                } else {
                    "git's credential helper (it knows nothing for this server)"
                };
                (words.to_owned(), helped)
            }
            Offer::Agent => (format!("the ssh agent, as user {user}"), Cred::ssh_key_from_agent(user)),
            Offer::KeyFile(path) => (
                format!("the key file {}, as user {user}", path.display()),
                Cred::ssh_key(user, None, path, None),
            ),
        }
    }
}

/// A configured key is the only one; without it the agent, then the keys that ssh itself would try.
fn ssh_offers(configured: Option<&Path>, has_agent: bool, home: Option<&Path>) -> Vec<Offer> {
    if let Some(key) = configured {
        return vec![Offer::KeyFile(key.to_owned())];
    }
    let defaults = ["id_ed25519", "id_ecdsa", "id_rsa"];
    let files = home
        .into_iter()
        .flat_map(|home| defaults.map(|name| home.join(".ssh").join(name)))
        .filter(|path| path.is_file());
    has_agent.then_some(Offer::Agent).into_iter().chain(files.map(Offer::KeyFile)).collect()
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(credentials: Credentials) -> Offers {
        let ssh = ssh_offers(credentials.ssh_key.as_deref(), false, None);
        Offers { plain: vec![Offer::Token].into(), ssh: ssh.into(), credentials, tried: Vec::new() }
    }

    #[test]
    fn each_way_is_offered_once_and_no_secret_is_told() {
        let mut offers =
            offers(Credentials { token: Some(Secret::new("hunter2")), ..Credentials::default() });
        let plain = CredentialType::USER_PASS_PLAINTEXT;
        assert!(offers.next("https://example.com", Some("me"), plain).is_ok());
        assert_eq!(
            offers.next("https://example.com", Some("me"), plain).err().unwrap().code(),
            ErrorCode::Auth
        );
        assert_eq!(offers.tried(), ["the token of the configuration, as user me"]);
        assert!(!format!("{:?}", offers.credentials).contains("hunter2"));
    }

    #[test]
    fn a_configured_key_is_the_only_one() {
        let described = |offers: Vec<Offer>| format!("{offers:?}");
        assert_eq!(described(ssh_offers(Some(Path::new("deploy")), true, None)), "[KeyFile(\"deploy\")]");
        assert_eq!(described(ssh_offers(None, true, None)), "[Agent]");
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".ssh")).unwrap();
        std::fs::write(home.path().join(".ssh/id_rsa"), "").unwrap();
        assert_eq!(ssh_offers(None, false, Some(home.path())).len(), 1);
    }
}
