//! Issuers and Certificates as YAML that can be applied again, written while they are read.

use std::io::{self, Write};

use serde_json::Value;

/// Fields of `metadata` that belong to the stored object, not to what a user wrote.
const STORED: [&str; 7] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "selfLink",
    "ownerReferences",
];

/// Where the backup is written to, if anywhere.
pub(super) struct Backup<'w> {
    to: Option<&'w mut (dyn Write + Send)>,
    written: io::Result<()>,
}

impl<'w> Backup<'w> {
    pub(super) fn new(to: Option<&'w mut (dyn Write + Send)>) -> Self {
        Self { to, written: Ok(()) }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.to.is_some() && self.written.is_ok()
    }

    /// One document. Items of a list do not say what they are.
    pub(super) fn add(&mut self, kind: &str, object: &Value) {
        if let Some(to) = self.to.as_mut().filter(|_| self.written.is_ok()) {
            self.written = to.write_all(document(kind, object).as_bytes());
        }
    }

    /// Whether all of it was written.
    pub(super) fn end(self) -> io::Result<()> {
        self.written?;
        match self.to {
            Some(to) => to.flush(),
            None => Ok(()),
        }
    }
}

/// Owners are left out: an owner that is gone would have the restored object collected.
fn document(kind: &str, object: &Value) -> String {
    let mut kept = serde_json::json!({"apiVersion": "cert-manager.io/v1", "kind": kind});
    let wish = object.as_object().into_iter().flatten();
    for (name, value) in wish.filter(|(name, _)| !["apiVersion", "kind", "status"].contains(&name.as_str())) {
        kept[name] = value.clone();
    }
    if let Some(metadata) = kept["metadata"].as_object_mut() {
        for field in STORED {
            metadata.shift_remove(field);
        }
    }
    serde_norway::to_string(&kept).map(|document| format!("---\n{document}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer() -> Value {
        serde_json::json!({
            "metadata": {"name": "ca", "namespace": "web", "uid": "u", "resourceVersion": "7", "labels": {"a": "b"}, "managedFields": []},
            "spec": {"ca": {"secretName": "root"}}, "status": {"conditions": []},
        })
    }

    #[test]
    fn the_backup_holds_what_a_user_wrote() {
        let mut written = Vec::new();
        let mut backup = Backup::new(Some(&mut written));
        backup.add("Issuer", &issuer());
        backup.end().unwrap();
        insta::assert_snapshot!(String::from_utf8(written).unwrap(), @r"
        ---
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata:
          name: ca
          namespace: web
          labels:
            a: b
        spec:
          ca:
            secretName: root
        ");
    }

    /// A disk that is full.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_is_full_is_told_at_the_end() {
        let mut full = Full;
        let mut backup = Backup::new(Some(&mut full));
        backup.add("Issuer", &issuer());
        assert!(!backup.is_wanted());
        assert_eq!(backup.end().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
