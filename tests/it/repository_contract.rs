//! What every chart repository has to do, on every one that can be found: our own server and ChartMuseum
//! itself.

use release::config::{Credential, SecretRef};
use release::helm::chart::archive::ChartArchive;
use release::repository::publish::{self, PublishAction};
use release::repository::{ChartRepository, RepositoryError};
use sandbox::proxy::{Effect, Fault};

use crate::support;
use crate::support::charts::{chart, demo};
use crate::support::faulty::Faulty;
use crate::support::museum::{LARGEST_UPLOAD, Museum, PASSWORD, USERNAME, backends};
use crate::support::world::World;

/// A client with these credentials, and the file that holds its password.
struct Client {
    repository: Box<dyn ChartRepository>,
    _world: World,
}

fn client(url: &str, username: &str, password: &str) -> Client {
    let world = World::new();
    let mut settings = support::client::settings(url);
    settings.username = Some(Credential::Plain(username.into()));
    settings.password = Some(SecretRef { env: None, file: Some(world.write("password", password)) });
    Client { repository: support::client::hasty(&settings), _world: world }
}

fn publisher(url: &str) -> Client {
    client(url, USERNAME, PASSWORD)
}

fn already(archive: &ChartArchive) -> PublishAction {
    PublishAction::AlreadyPublished { digest: archive.digest().to_string() }
}

#[tokio::test]
async fn an_archive_is_published_once_and_found_from_then_on() {
    for backend in backends() {
        let museum = Museum::start(&backend);
        let (client, ours) = (publisher(museum.url()), demo());
        let repository = &*client.repository;
        assert_eq!(publish::check(repository, &ours).await.unwrap(), PublishAction::Upload, "{backend:?}");
        let first = publish::publish(repository, &ours).await.unwrap();
        assert_eq!(
            (&first.action, first.archive.digest()),
            (&PublishAction::Upload, ours.digest()),
            "{backend:?}"
        );
        assert_eq!(
            first.url.to_string(),
            format!("{}/charts/demo-1.2.3+build.5.tgz", museum.url()),
            "{backend:?}"
        );
        assert_eq!(publish::check(repository, &ours).await.unwrap(), already(&ours), "{backend:?}");
        assert_eq!(publish::publish(repository, &ours).await.unwrap().action, already(&ours), "{backend:?}");
        let found = publish::published(repository, "demo", "1.2.3+build.5").await.unwrap();
        assert_eq!(found.bytes(), ours.bytes(), "{backend:?}");
    }
}

#[tokio::test]
async fn an_archive_saved_again_at_another_time_is_the_same_chart_and_the_published_one_counts() {
    for backend in backends() {
        let museum = Museum::start(&backend);
        let client = publisher(museum.url());
        let (theirs, ours) = (demo(), chart("1.2.3+build.5", b"a: 1\n", 1_800_000_000));
        assert_ne!(theirs.digest(), ours.digest());
        publish::publish(&*client.repository, &theirs).await.unwrap();
        let publication = publish::publish(&*client.repository, &ours).await.unwrap();
        assert_eq!(publication.action, already(&theirs), "{backend:?}");
        assert_eq!(publication.archive.bytes(), theirs.bytes(), "{backend:?}");
    }
}

#[tokio::test]
async fn other_content_under_a_published_version_is_refused_by_the_names_of_its_files() {
    for backend in backends() {
        let museum = Museum::start(&backend);
        let client = publisher(museum.url());
        publish::publish(&*client.repository, &demo()).await.unwrap();
        let other = chart("1.2.3+build.5", b"a: 2\n", 1_700_000_000);
        for refusal in [
            publish::check(&*client.repository, &other).await.unwrap_err(),
            publish::publish(&*client.repository, &other).await.unwrap_err(),
        ] {
            let RepositoryError::OtherContent { files, .. } = refusal else {
                panic!("{backend:?}: {refusal}")
            };
            assert_eq!(files, ["templates/a.yaml"], "{backend:?}");
        }
        let found = publish::published(&*client.repository, "demo", "1.2.3+build.5").await.unwrap();
        assert_eq!(found.digest(), demo().digest(), "{backend:?}: the published archive never changes");
    }
}

#[tokio::test]
async fn wrong_credentials_are_told_and_not_tried_again() {
    for backend in backends() {
        let museum = Museum::start(&backend);
        let proxy = Faulty::before(museum.url(), &[]).await;
        let client = client(proxy.url(), USERNAME, "wrong");
        let refusal = publish::check(&*client.repository, &demo()).await.unwrap_err();
        assert!(
            matches!(&refusal, RepositoryError::Denied { sent: true, challenge: Some(_), .. }),
            "{backend:?}: {refusal}"
        );
        assert!(!format!("{refusal} {refusal:?}").contains("wrong"), "{backend:?}: {refusal:?}");
        assert_eq!(proxy.seen("GET"), 1, "{backend:?}");
    }
}

fn status(code: u16) -> Effect {
    Fault::status(code).effect
}

/// A fault that hits one request with this method.
fn once(effect: Effect, method: &str) -> Fault {
    Fault::from(effect).on(method, "/").times(1)
}

fn on_upload(effect: Effect) -> Fault {
    once(effect, "POST")
}

#[tokio::test]
async fn an_upload_survives_cut_connections_and_passing_errors() {
    for backend in backends() {
        for (faults, action) in [
            (vec![on_upload(Effect::Cut), on_upload(Effect::Cut)], PublishAction::Upload),
            (vec![on_upload(status(503)), on_upload(status(502))], PublishAction::Upload),
            // The server has stored it, so the next attempt finds it there.
            (vec![on_upload(Effect::LoseAnswer)], already(&demo())),
            (vec![on_upload(Effect::HalfBody)], already(&demo())),
        ] {
            let museum = Museum::start(&backend);
            let proxy = Faulty::before(museum.url(), &faults).await;
            let client = publisher(proxy.url());
            let publication = publish::publish(&*client.repository, &demo()).await.unwrap();
            assert_eq!(publication.action, action, "{backend:?} {faults:?}");
            assert_eq!(proxy.seen("POST"), faults.len() + 1, "{backend:?} {faults:?}");
        }
    }
}

#[tokio::test]
async fn a_reading_survives_cut_connections_and_passing_errors() {
    for backend in backends() {
        let museum = Museum::start(&backend);
        publish::publish(&*publisher(museum.url()).repository, &demo()).await.unwrap();
        let faults = [Effect::HalfBody, status(500), Effect::Cut].map(|effect| once(effect, "GET"));
        let proxy = Faulty::before(museum.url(), &faults).await;
        let found =
            publish::published(&*publisher(proxy.url()).repository, "demo", "1.2.3+build.5").await.unwrap();
        assert_eq!(found.digest(), demo().digest(), "{backend:?}");
        assert_eq!(proxy.seen("GET"), 4, "{backend:?}");
    }
}

#[tokio::test]
async fn a_server_that_stays_broken_is_given_up() {
    for backend in backends() {
        let museum = Museum::start(&backend);
        let proxy = Faulty::before(museum.url(), &[Fault::from(Effect::Cut).on("POST", "/")]).await;
        let refusal = publish::publish(&*publisher(proxy.url()).repository, &demo()).await.unwrap_err();
        assert!(matches!(refusal, RepositoryError::NoAnswer { attempts: 5, .. }), "{backend:?}: {refusal}");
        assert_eq!(proxy.seen("POST"), 5, "{backend:?}");
    }
}

#[tokio::test]
async fn an_archive_that_is_too_large_is_refused() {
    for backend in backends() {
        let museum = Museum::start(&backend);
        // Bytes that do not compress.
        let noise: Vec<u8> = std::iter::repeat_with(rand::random::<u8>)
            .map(|byte| byte.max(1))
            .take(2 * LARGEST_UPLOAD)
            .collect();
        let large = chart("1.0.0", &noise, 1_700_000_000);
        let refusal = publish::publish(&*publisher(museum.url()).repository, &large).await.unwrap_err();
        assert!(
            matches!(refusal, RepositoryError::TooLarge { size, .. } if size == large.bytes().len()),
            "{backend:?}: {refusal}"
        );
    }
}

#[tokio::test]
async fn a_version_that_is_not_there_is_not_published() {
    for backend in backends() {
        let museum = Museum::start(&backend);
        let repository = publisher(museum.url()).repository;
        let refusal = publish::published(&*repository, "demo", "9.9.9").await.unwrap_err();
        assert!(matches!(refusal, RepositoryError::UnknownChart { .. }), "{backend:?}: {refusal}");
        publish::publish(&*repository, &demo()).await.unwrap();
        let refusal = publish::published(&*repository, "demo", "9.9.9").await.unwrap_err();
        assert!(matches!(refusal, RepositoryError::NotPublished { .. }), "{backend:?}: {refusal}");
    }
}

#[tokio::test]
async fn an_address_that_is_no_repository_is_told_before_anything_is_uploaded() {
    for backend in backends() {
        let museum = Museum::start(&backend);
        let client = publisher(&format!("{}/no/such/tenant", museum.url()));
        let refusal = publish::check(&*client.repository, &demo()).await.unwrap_err();
        assert!(matches!(refusal, RepositoryError::NoRepository { .. }), "{backend:?}: {refusal}");
    }
}

#[tokio::test]
async fn an_archive_that_was_put_into_the_store_by_hand_and_is_no_chart_is_told() {
    for backend in backends() {
        let museum = Museum::start(&backend);
        std::fs::write(museum.store().join("demo-1.2.3+build.5.tgz"), "not an archive").unwrap();
        let refusal = publish::check(&*publisher(museum.url()).repository, &demo()).await.unwrap_err();
        assert!(matches!(refusal, RepositoryError::Archive { .. }), "{backend:?}: {refusal}");
    }
}
