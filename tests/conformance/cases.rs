//! The chart directories that are packaged.

use crate::case::Case;

/// Ordered from plain to odd; what helm refuses is among them.
pub(crate) const CASES: &[Case] = &[
    Case {
        name: "smallest",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
        ],
    },
    Case {
        name: "metadata",
        files: &[
            ("Chart.yaml", b"\
              # comments and unknown keys are lost\n\
              ApiVersion: v2\n\
              NAME: demo\n\
              version: v1.10\n\
              appversion: 1.10\n\
              type: application\n\
              kubeVersion: \">=1.22.0-0\"\n\
              home: https://example.com\n\
              icon: https://example.com/icon.png\n\
              deprecated: false\n\
              keywords: [b, a, 1, true]\n\
              sources:\n\
              - https://example.com/source\n\
              maintainers:\n\
              - name: A\n\
              \x20 email: a@example.com\n\
              \x20 url: https://example.com/a\n\
              - email: b@example.com\n\
              description: A chart whose description is so long that it is folded at eighty columns when it is written again, and then once more after that\n\
              unknown: {x: 1}\n\
              condition: demo.enabled\n\
              tags: one\n"),
            ("values.yaml", b"# kept\r\na: 1\n"),
            ("README.md", b"\xef\xbb\xbfwithout its mark"),
            ("LICENSE", b"text"),
            ("crds/a.yaml", b"kind: CustomResourceDefinition\n"),
            ("templates/NOTES.txt", b"notes"),
            ("templates/_helpers.tpl", b""),
            ("templates/sub/deep.yaml", b"x"),
            ("values.schema.json", b"{\"type\": \"object\"}"),
            ("empty", b""),
        ],
    },
    Case {
        name: "quoting",
        files: &[
            ("Chart.yaml", b"\
              apiVersion: v2\n\
              name: demo\n\
              version: \"1.0.0\"\n\
              appVersion: \"010\"\n\
              description: |-\n\
              \x20 one: two #three\n\
              \x20 'four' \"five\"\ttab\n\
              annotations:\n\
              \x20 a10: \"yes\"\n\
              \x20 a2: \"1e3\"\n\
              \x20 B: \"2020-01-01\"\n\
              \x20 c: \"1:30\"\n\
              \x20 \"on\": \"~\"\n\
              \x20 d: \"foo: bar\"\n\
              \x20 e: \"- item\"\n\
              \x20 f: \" padded \"\n\
              \x20 g: \"tab\\there\"\n\
              \x20 h: \"emoji \xf0\x9f\x8e\x89 here\"\n\
              \x20 i: \"\xc3\xa9 \xc3\xbc \xe6\x97\xa5\xe6\x9c\xac\"\n\
              \x20 j: \"line\\nbreak\\n\"\n\
              \x20 k: \"line\\nwithout\"\n\
              \x20 l: \"two\\n\\n\"\n\
              \x20 m: \" leading\\nline\"\n\
              \x20 n: \"trailing \\nspace\"\n\
              \x20 o: \"it's\"\n\
              \x20 p: \"'quoted'\"\n\
              \x20 q: \"a #b\"\n\
              \x20 r: \"#a\"\n\
              \x20 s: \"{x}\"\n\
              \x20 t: \"<<\"\n\
              \x20 u: \"a: very long text with a colon that must be single-quoted and that is longer than eighty columns, so that it folds\"\n\
              \x20 v: \"a very long text with a\\ttab that must be double-quoted and that is longer than eighty columns, so that it folds too\"\n\
              \x20 w: \"...\"\n\
              \x20 x: \"---\"\n\
              \x20 y: \"\"\n\
              \x20 z: \"null\"\n\
              \x20 \"a: b\": \"x\"\n\
              \x20 artifacthub.io/changes: |\n\
              \x20   - kind: added\n\
              \x20     description: something\n\
              \x20 aa: \"\\u2028\"\n\
              \x20 ab: \"http://example.com/a?b=c&d=<e>\"\n\
              \x20 ac: \"C:\\\\path\"\n\
              \x20 ad: \"%x\"\n\
              \x20 ae: \"@x\"\n\
              \x20 af: \"`x`\"\n\
              \x20 ag: \"a:\"\n\
              \x20 ah: \":a\"\n\
              \x20 ai: \"?a\"\n\
              \x20 aj: \"? a\"\n\
              \x20 ak: \"0x1f\"\n\
              \x20 al: \".5\"\n\
              \x20 am: \"+1\"\n\
              \x20 an: \"1_000\"\n\
              \x20 ao: \"-\"\n\
              \x20 ap: \"2020-01-01T10:00:00Z\"\n"),
        ],
    },
    Case {
        name: "v1",
        files: &[
            ("Chart.yaml", b"name: demo\nversion: 0.1.0\nappVersion: 010\n"),
            ("requirements.yaml", b"\
              dependencies:\n\
              - name: sub\n\
              \x20 version: 1.x\n\
              \x20 repository: https://example.com\n"),
            ("requirements.lock", b"\
              dependencies: []\n\
              digest: sha256:0\n\
              generated: 2020-01-01T00:00:00Z\n"),
            ("charts/sub/Chart.yaml", b"name: sub\nversion: 1.2\n"),
            ("charts/sub/templates/a.yaml", b""),
        ],
    },
    Case {
        name: "v2-with-requirements",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            ("requirements.yaml", b"dependencies:\n- name: sub\n  version: \"1\"\n"),
            ("charts/sub/Chart.yaml", b"apiVersion: v2\nname: sub\nversion: 1.2.3\n"),
        ],
    },
    Case {
        name: "lock",
        files: &[
            ("Chart.yaml", b"\
              apiVersion: v2\n\
              name: demo\n\
              version: 1.0.0\n\
              dependencies:\n\
              - name: sub\n\
              \x20 version: \">=1\"\n\
              \x20 repository: \"\"\n\
              \x20 alias: other\n\
              \x20 condition: other.enabled\n\
              \x20 tags: [a, 2]\n\
              \x20 enabled: true\n\
              \x20 import-values: [data, {child: a.b, parent: c.d}]\n"),
            ("Chart.lock", b"\
              dependencies:\n\
              - name: sub\n\
              \x20 repository: \"\"\n\
              \x20 version: 1.2.3\n\
              digest: sha256:abc\n\
              generated: \"2021-03-04T05:06:07.123456789+01:00\"\n"),
            ("charts/anything/Chart.yaml", b"apiVersion: v2\nname: sub\nversion: 1.2.3\n"),
            ("charts/anything/.helmignore", b"*.md\n"),
            ("charts/anything/README.md", b"not ignored here"),
            ("charts/anything/values.yaml", b"a: 1"),
            ("charts/_hidden/Chart.yaml", b"broken: ["),
            ("charts/sub-1.2.3.tgz.prov", b"signature"),
            ("charts/anything/charts/inner/Chart.yaml", b"apiVersion: v2\nname: inner\nversion: 1.0.0\n"),
        ],
    },
    Case { name: "loose-file-in-charts", files: &[("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"), ("charts/README.md", b"")] },
    Case {
        name: "lock-without-anything",
        files: &[("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"), ("Chart.lock", b"{}\n")],
    },
    Case {
        name: "empty-lock",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            ("Chart.lock", b""),
        ],
    },
    Case {
        name: "ignored",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            (".helmignore", b"\
              \xef\xbb\xbf# comment\n\
              *.md\n\
              /only-here\n\
              docs/\n\
              sub/*.txt\n\
              [a-b]x\n\
              \x20 spaced  \n"),
            ("README.md", b""),
            ("deep/README.md", b""),
            ("only-here", b""),
            ("deep/only-here", b""),
            ("docs/a", b""),
            ("deep/docs/b", b""),
            ("docs.txt", b""),
            ("sub/a.txt", b""),
            ("deep/sub/a.txt", b""),
            ("ax", b""),
            ("cx", b""),
            ("spaced", b""),
            ("templates/.hidden", b""),
            ("templates/sub/.kept", b""),
            (".git/HEAD", b"ref"),
        ],
    },
    Case {
        name: "ignored-by-negation",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            (".helmignore", b"!README.md\n"),
            ("README.md", b""),
        ],
    },
    Case {
        name: "ignored-by-double-star",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            (".helmignore", b"**/x\n"),
        ],
    },
    Case {
        name: "order",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            ("a.yaml", b"1"),
            ("a/z", b"2"),
            ("B", b"3"),
            ("templates/b.yaml", b""),
            ("templates/a/z.yaml", b""),
            ("templates/a.yaml", b""),
            ("_x", b""),
            ("é", b""),
            ("Z/é", b""),
        ],
    },
    Case {
        name: "long-names",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            ("files/ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff/gggggggggggggggggggg", b"split"),
            ("files/fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", b"too long"),
            ("files/dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee/ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", b"prefix too long"),
            ("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", b"exactly 99 with the folder"),
            ("fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", b"exactly 100"),
            ("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", b"101"),
        ],
    },
    Case {
        name: "links",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            ("shared/a.tpl", b"a"),
            ("templates", b"-> shared"),
            ("values.yaml", b"-> shared/values"),
            ("shared/values", b"a: 1\n"),
        ],
    },
    Case {
        name: "broken-link",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            ("broken", b"-> nowhere"),
        ],
    },
    Case {
        name: "no-chart-file",
        files: &[
            ("values.yaml", b"a: 1\n"),
        ],
    },
    Case {
        name: "no-version",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\n"),
        ],
    },
    Case {
        name: "loose-version",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1\n"),
        ],
    },
    Case {
        name: "no-such-version",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: latest\n"),
        ],
    },
    Case {
        name: "name-with-slash",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: a/b\nversion: 1.0.0\n"),
        ],
    },
    Case {
        name: "broken-yaml",
        files: &[
            ("Chart.yaml", b"name: a: b\n"),
        ],
    },
    Case {
        name: "broken-values",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            ("values.yaml", b"- a\n"),
        ],
    },
    Case {
        name: "several-documents-of-values",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            ("values.yaml", b"a: 1\n---\nb: 2\n---\n"),
        ],
    },
    Case {
        name: "broken-schema",
        files: &[
            ("Chart.yaml", b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            ("values.schema.json", b"{"),
        ],
    },
    Case {
        name: "missing-dependency",
        files: &[
            ("Chart.yaml", b"\
              apiVersion: v2\n\
              name: demo\n\
              version: 1.0.0\n\
              dependencies: [{name: sub, version: \"1\", repository: \"\"}]\n"),
        ],
    },
    Case {
        name: "api-version-v3",
        files: &[
            ("Chart.yaml", b"apiVersion: v3\nname: demo\nversion: 1.0.0\n"),
        ],
    },
    Case {
        name: "null-maintainer",
        files: &[
            ("Chart.yaml", b"\
              apiVersion: v2\n\
              name: demo\n\
              version: 1.0.0\n\
              maintainers: [null]\n"),
        ],
    },
    Case {
        name: "merge-keys",
        files: &[
            ("Chart.yaml", b"\
              apiVersion: v2\n\
              name: demo\n\
              version: 1.0.0\n\
              annotations:\n\
              \x20 <<: &base {a: \"1\", b: \"2\"}\n\
              \x20 b: \"3\"\n\
              x: *base\n"),
        ],
    },
    Case {
        name: "block-scalar-without-final-break",
        files: &[
            ("Chart.yaml", b"\
              apiVersion: v2\n\
              name: demo\n\
              version: 1.0.0\n\
              description: >\n\
              \x20 one\n\
              \x20 two"),
        ],
    },
];
