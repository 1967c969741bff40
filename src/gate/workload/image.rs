//! Whether two texts name one image. Registries are mirrored, and admission adds digests; neither is another image.

/// The text after the last `/` names one image with the same tag; a digest counts only where the wish has one.
pub(super) fn is_same_image(wished: &str, live: &str) -> bool {
    let (wished, live) = (parts(wished), parts(live));
    let same_digest = wished.digest.is_some() && wished.digest == live.digest;
    let same_tag = wished.tag == live.tag && (wished.digest.is_none() || same_digest);
    // A digest in place of the tag cannot be compared with a tag.
    let digest_alone = live.tag.is_none() && live.digest.is_some() && wished.digest.is_none();
    wished.name == live.name && (same_digest || same_tag || digest_alone)
}

struct Parts<'i> {
    name: &'i str,
    tag: Option<&'i str>,
    digest: Option<&'i str>,
}

fn parts(image: &str) -> Parts<'_> {
    let (image, digest) =
        image.split_once('@').map_or((image, None), |(image, digest)| (image, Some(digest)));
    let last = image.rsplit('/').next().unwrap_or(image);
    let (name, tag) = last.split_once(':').map_or((last, None), |(name, tag)| (name, Some(tag)));
    Parts { name, tag, digest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_and_an_added_digest_are_no_other_image() {
        let table = [
            ("q/x:v2", "q/x:v2", true),
            ("quay.io/q/x:v2", "mirror:5000/q/x:v2", true),
            ("q/x:v2", "q/x:v2@sha256:aa", true),
            ("q/x:v2", "q/x@sha256:aa", true),
            ("q/x:v2", "q/x:v1@sha256:aa", false),
            ("q/x:v2@sha256:aa", "q/x:v2@sha256:bb", false),
            ("q/x:v2@sha256:aa", "q/x@sha256:aa", true),
            ("q/x:v2@sha256:aa", "q/x:v2", false),
            ("q/x:v2", "q/y:v2", false),
            ("q/x", "q/x:v2", false),
        ];
        for (wished, live, same) in table {
            assert_eq!(is_same_image(wished, live), same, "{wished} {live}");
        }
    }
}
