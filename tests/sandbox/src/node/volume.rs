//! Volumes without mounts: each is a directory of the pod, and paths under its mount points are rewritten in
//! arguments and variables.
//!
//! `configMap`, `secret`, `emptyDir`, `downwardAPI`, `projected` and `hostPath`. Files are written once, when
//! the pod starts. The token that every pod gets mounted is not among them: programs find it through their
//! kubeconfig.

use std::io;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, DownwardAPIVolumeFile, KeyToPath, Pod, Volume};
use kube::ResourceExt;

use super::environment::field;
use super::host::Host;
use super::objects::{Kind, ObjectError, Objects, Reference};
use super::place::PodPlace;

/// Added to every pod by the API server.
const TOKEN_VOLUME: &str = "kube-api-access-";

/// Why a volume cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum VolumeError {
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : {source}")]
    Object { volume: String, source: ObjectError },
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : {what} is not supported by this node")]
    Unsupported { volume: String, what: String },
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : {source}")]
    Write { volume: String, source: io::Error },
}

/// Files of a volume: path below it, and content.
type Files = Vec<(String, Vec<u8>)>;

/// One of the places that files of a volume come from.
enum Source<'a> {
    Object { kind: Kind, name: &'a str, items: Option<&'a [KeyToPath]>, optional: bool },
    Fields(&'a [DownwardAPIVolumeFile]),
}

/// Writes all volumes of a pod.
pub(super) async fn set_up(host: &Host, place: &PodPlace) -> Result<(), VolumeError> {
    let volumes = place.pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    for volume in
        volumes.filter(|volume| !volume.name.starts_with(TOKEN_VOLUME) && volume.host_path.is_none())
    {
        let in_volume = |source| VolumeError::Object { volume: volume.name.clone(), source };
        let sources = sources(volume)?;
        let objects =
            Objects::load(&host.client, &place.namespace, references(&sources)).await.map_err(in_volume)?;
        let files = files(volume, &sources, &objects, &place.pod, &place.ip.to_string())?;
        write(&directory(place, &volume.name), files)
            .map_err(|source| VolumeError::Write { volume: volume.name.clone(), source })?;
    }
    Ok(())
}

fn directory(place: &PodPlace, volume: &str) -> PathBuf {
    place.directory.join("volumes").join(volume)
}

fn write(directory: &Path, files: Files) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for (path, content) in files {
        let file = directory.join(path);
        std::fs::create_dir_all(file.parent().unwrap_or(directory))?;
        std::fs::write(file, content)?;
    }
    Ok(())
}

fn sources(volume: &Volume) -> Result<Vec<Source<'_>>, VolumeError> {
    let unsupported =
        |what: &str| VolumeError::Unsupported { volume: volume.name.clone(), what: what.into() };
    if let Some(from) = &volume.config_map {
        return Ok(vec![object(Kind::ConfigMap, &from.name, from.items.as_deref(), from.optional)]);
    }
    if let Some(from) = &volume.secret {
        let name = from.secret_name.as_deref().unwrap_or_default();
        return Ok(vec![object(Kind::Secret, name, from.items.as_deref(), from.optional)]);
    }
    if let Some(from) = &volume.downward_api {
        return Ok(vec![Source::Fields(from.items.as_deref().unwrap_or_default())]);
    }
    if volume.empty_dir.is_some() {
        return Ok(Vec::new());
    }
    let projections =
        volume.projected.as_ref().ok_or_else(|| unsupported("its type"))?.sources.iter().flatten();
    let mut sources = Vec::new();
    for projection in projections {
        if let Some(from) = &projection.config_map {
            sources.push(object(Kind::ConfigMap, &from.name, from.items.as_deref(), from.optional));
        } else if let Some(from) = &projection.secret {
            sources.push(object(Kind::Secret, &from.name, from.items.as_deref(), from.optional));
        } else if let Some(from) = &projection.downward_api {
            sources.push(Source::Fields(from.items.as_deref().unwrap_or_default()));
        } else {
            return Err(unsupported("a projected source"));
        }
    }
    Ok(sources)
}

fn object<'a>(
    kind: Kind,
    name: &'a str,
    items: Option<&'a [KeyToPath]>,
    optional: Option<bool>,
) -> Source<'a> {
    Source::Object { kind, name, items, optional: optional == Some(true) }
}

fn references(sources: &[Source<'_>]) -> Vec<Reference> {
    let reference = |source: &Source<'_>| match source {
        Source::Object { kind, name, .. } => Some((*kind, (*name).to_string())),
        Source::Fields(_) => None,
    };
    sources.iter().filter_map(reference).collect()
}

fn files(
    volume: &Volume,
    sources: &[Source<'_>],
    objects: &Objects,
    pod: &Pod,
    pod_ip: &str,
) -> Result<Files, VolumeError> {
    let mut files = Files::new();
    for source in sources {
        match source {
            Source::Object { kind, name, items, optional } => {
                let found = of_object(objects, *kind, name, *items, *optional);
                files.extend(
                    found.map_err(|source| VolumeError::Object { volume: volume.name.clone(), source })?,
                );
            }
            Source::Fields(items) => {
                for item in *items {
                    files.push((item.path.clone(), of_field(volume, item, pod, pod_ip)?.into_bytes()));
                }
            }
        }
    }
    Ok(files)
}

fn of_object(
    objects: &Objects,
    kind: Kind,
    name: &str,
    items: Option<&[KeyToPath]>,
    optional: bool,
) -> Result<Files, ObjectError> {
    let Some(data) = objects.get(kind, name, optional)? else { return Ok(Files::new()) };
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        return Ok(data.iter().map(|(key, value)| (key.clone(), value.clone())).collect());
    };
    let mut files = Files::new();
    for item in items {
        let content = objects.key(kind, name, &item.key, optional)?;
        files.extend(content.map(|content| (item.path.clone(), content.clone())));
    }
    Ok(files)
}

fn of_field(
    volume: &Volume,
    item: &DownwardAPIVolumeFile,
    pod: &Pod,
    pod_ip: &str,
) -> Result<String, VolumeError> {
    let path = item.field_ref.as_ref().map(|reference| reference.field_path.as_str()).unwrap_or_default();
    let lines = |entries: &std::collections::BTreeMap<String, String>| {
        entries.iter().map(|(key, value)| format!("{key}={value:?}")).collect::<Vec<_>>().join("\n")
    };
    let value = match path {
        "metadata.labels" => Some(lines(pod.labels())),
        "metadata.annotations" => Some(lines(pod.annotations())),
        path => field(pod, pod_ip, path),
    };
    value.ok_or_else(|| VolumeError::Unsupported {
        volume: volume.name.clone(),
        what: format!("the field `{path}`"),
    })
}

/// Where the paths of a container really are.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    /// Mount point and directory, the longest mount points first.
    places: Vec<(String, String)>,
}

impl Mounts {
    /// The mounts of one container.
    pub(super) fn of(container: &Container, place: &PodPlace) -> Self {
        let volumes: Vec<&Volume> =
            place.pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten()).collect();
        let mounts =
            container.volume_mounts.iter().flatten().filter(|mount| !mount.name.starts_with(TOKEN_VOLUME));
        let real = |name: &str| {
            let host_path = volumes
                .iter()
                .find(|volume| volume.name == name)
                .and_then(|volume| volume.host_path.as_ref());
            host_path.map_or_else(|| directory(place, name), |host| PathBuf::from(&host.path))
        };
        let located = mounts.map(|mount| {
            let below = mount.sub_path.as_deref().unwrap_or_default();
            let directory = real(&mount.name);
            let directory = if below.is_empty() { directory } else { directory.join(below) };
            (mount.mount_path.trim_end_matches('/').to_string(), directory.display().to_string())
        });
        let mut places: Vec<(String, String)> =
            located.filter(|(mount_point, _)| !mount_point.is_empty()).collect();
        places.sort_by_key(|(mount_point, _)| std::cmp::Reverse(mount_point.len()));
        Self { places }
    }

    /// The text with every path below a mount point turned into the real one.
    pub(super) fn relocate(&self, text: &str) -> String {
        let mut relocated = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let inside = relocated.chars().next_back().is_some_and(is_of_path);
            let found = self.places.iter().filter(|_| !inside).find_map(|(mount_point, place)| {
                let tail = rest.strip_prefix(mount_point.as_str())?;
                (tail.starts_with('/') || !tail.starts_with(is_of_path)).then_some((place.as_str(), tail))
            });
            let (piece, tail) = found.unwrap_or_else(|| rest.split_at(first.len_utf8()));
            relocated.push_str(piece);
            rest = tail;
        }
        relocated
    }
}

fn is_of_path(character: char) -> bool {
    character.is_alphanumeric() || "/._-".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn written(volume: &Value) -> Result<Vec<(String, String)>, String> {
        let mut volume: Volume = serde_json::from_value(volume.clone()).expect("a volume");
        volume.name = "v".into();
        let pod = serde_json::from_value(json!({"metadata": {"name": "p", "labels": {"app": "a"}}}))
            .expect("a pod");
        let data = [("a.yaml".to_string(), b"A".to_vec()), ("b".to_string(), b"B".to_vec())].into();
        let objects = Objects(
            [((Kind::ConfigMap, "settings".into()), Some(data)), ((Kind::Secret, "absent".into()), None)]
                .into(),
        );
        let files = sources(&volume).and_then(|sources| files(&volume, &sources, &objects, &pod, "10.1.0.1"));
        let text =
            |(path, content): (String, Vec<u8>)| (path, String::from_utf8_lossy(&content).into_owned());
        Ok(files.map_err(|error| error.to_string())?.into_iter().map(text).collect())
    }

    fn expected(files: &[(&str, &str)]) -> Vec<(String, String)> {
        files.iter().map(|(path, content)| ((*path).to_string(), (*content).to_string())).collect()
    }

    #[test]
    fn a_volume_holds_what_its_sources_say() {
        let settings = json!({"name": "", "configMap": {"name": "settings"}});
        assert_eq!(written(&settings), Ok(expected(&[("a.yaml", "A"), ("b", "B")])));
        let item =
            json!({"name": "", "configMap": {"name": "settings", "items": [{"key": "b", "path": "d/c"}]}});
        assert_eq!(written(&item), Ok(expected(&[("d/c", "B")])));
        let optional = json!({"name": "", "secret": {"secretName": "absent", "optional": true}});
        assert_eq!(written(&optional), Ok(expected(&[])));
        let labels = json!({"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}});
        let both = json!({"name": "", "projected": {"sources": [{"configMap": {"name": "settings"}}, {"downwardAPI": {"items": [labels]}}]}});
        assert_eq!(written(&both), Ok(expected(&[("a.yaml", "A"), ("b", "B"), ("labels", "app=\"a\"")])));
        assert_eq!(written(&json!({"name": "", "emptyDir": {}})), Ok(expected(&[])));
    }

    #[test]
    fn a_volume_that_cannot_be_had_is_told_as_the_kubelet_does() {
        let absent = json!({"name": "", "secret": {"secretName": "absent"}});
        assert_eq!(
            written(&absent),
            Err("MountVolume.SetUp failed for volume \"v\" : secret \"absent\" not found".into())
        );
        let claim = json!({"name": "", "persistentVolumeClaim": {"claimName": "c"}});
        assert_eq!(
            written(&claim),
            Err("MountVolume.SetUp failed for volume \"v\" : its type is not supported by this node".into())
        );
    }

    #[test]
    fn paths_below_a_mount_point_are_rewritten_and_no_others() {
        let places = [("/etc/app/tls", "/p/tls"), ("/etc/app", "/p/app")];
        let mounts =
            Mounts { places: places.map(|(point, place)| (point.to_string(), place.to_string())).into() };
        for (text, expected) in [
            ("--config=/etc/app/config.yaml", "--config=/p/app/config.yaml"),
            ("/etc/app/tls/tls.crt:/etc/app", "/p/tls/tls.crt:/p/app"),
            ("/etc/application", "/etc/application"),
            ("/x/etc/app", "/x/etc/app"),
            ("é /etc/app", "é /p/app"),
        ] {
            assert_eq!(mounts.relocate(text), expected, "{text}");
        }
    }
}
