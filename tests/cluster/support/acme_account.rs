//! The ACME account of an issuer, used by somebody else than cert-manager: what it asks for, the server does.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::DynamicObject;
use release::cluster::Cluster;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

/// An account, with its key.
pub(crate) struct AcmeAccount {
    key: RsaKeyPair,
    uri: String,
    directory: String,
    http: reqwest::Client,
}

impl AcmeAccount {
    /// That of an Issuer, which has registered it.
    pub(crate) async fn of(cluster: &Cluster, issuer: &DynamicObject) -> Self {
        let acme = &issuer.data["spec"]["acme"];
        let namespace = issuer.metadata.namespace.as_deref().unwrap();
        let name = acme["privateKeySecretRef"]["name"].as_str().unwrap();
        let secrets = Api::<Secret>::namespaced(cluster.client.clone(), namespace);
        let secret = secrets.get(name).await.unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&secret.data.unwrap()["tls.key"].0).unwrap();
        Self {
            key: RsaKeyPair::from_der(&pem.contents).unwrap(),
            uri: issuer.data["status"]["acme"]["uri"].as_str().unwrap().to_owned(),
            directory: acme["server"].as_str().unwrap().to_owned(),
            http: http(),
        }
    }

    /// Signs and sends (RFC 8555, section 6.2); an empty payload only asks. Answers the object.
    pub(crate) async fn post(&self, url: &str, payload: &str) -> Value {
        let head = json!({"alg": "RS256", "kid": self.uri, "nonce": self.nonce().await, "url": url});
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let (head, payload) = (encoded(&head.to_string()), encoded(payload));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let signed = format!("{head}.{payload}");
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        let body =
            json!({"protected": head, "payload": payload, "signature": URL_SAFE_NO_PAD.encode(signature)});
        let request =
            self.http.post(url).header("content-type", "application/jose+json").body(body.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{url}: {status}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn nonce(&self) -> String {
        let directory = self.http.get(&self.directory).send().await.unwrap().text().await.unwrap();
        let directory: Value = serde_json::from_str(&directory).unwrap();
        let Some(nonces) = directory["newNonce"].as_str() else { panic!("{}: {directory}", self.directory) };
        let answer = self.http.head(nonces).send().await.unwrap();
        answer.headers()["replay-nonce"].to_str().unwrap().to_owned()
    }
}

/// The server's certificate is its own, and it wants to know who asks.
fn http() -> reqwest::Client {
    let builder = reqwest::Client::builder().user_agent("release-tests").no_proxy();
    builder.tls_danger_accept_invalid_certs(true).build().unwrap()
}
