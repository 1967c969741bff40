//! Hostile templates: whatever the text is, reading and executing it ends, in a result or in an error.

use proptest::prelude::*;

use super::tests::render;

const FRAGMENTS: [&str; 56] = [
    "{{",
    "}}",
    "{{- ",
    " -}}",
    "{{/*",
    "*/}}",
    "{{ end }}",
    "{{ else }}",
    "{{ if .yes }}",
    "{{ range .list }}",
    "{{ with .map }}",
    "{{ define \"d\" }}",
    "{{ template \"d\" . }}",
    "{{ include \"d\" . }}",
    "{{ block \"b\" . }}",
    "{{ break }}",
    "{{ continue }}",
    "{{ $x := . }}",
    "{{ $x = 1 }}",
    "{{ range $i, $v := .numbers }}",
    "if",
    "else if",
    "range",
    ".map.a",
    ".missing.x",
    ".",
    "$",
    "$x",
    "$x.y",
    ":=",
    "=",
    ",",
    "|",
    "(",
    ")",
    " ",
    "\n",
    "\"text\"",
    "`raw`",
    "'c'",
    "1",
    "-1.5e3",
    "0x1F",
    "nil",
    "true",
    "print",
    "index .list",
    "eq 1",
    "and",
    "len",
    "tpl \"{{ . }}\"",
    "printf \"%5.2f\"",
    "set .map \"k\" .",
    "toYaml",
    "\u{e9}",
    "\u{0}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn texts_of_template_words(words in prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 0..40)) {
        render(&words.concat());
    }

    #[test]
    fn actions_of_template_words(words in prop::collection::vec(prop::sample::select(&FRAGMENTS[23..]), 0..12)) {
        render(&format!("{{{{ {} }}}}", words.join(" ")));
    }

    #[test]
    fn any_text(text in "\\PC*") {
        render(&text);
        render(&format!("{{{{{text}}}}}"));
    }

    #[test]
    fn any_format(format in "%[-+ #0]{0,2}[0-9]{0,3}[.]?[0-9]{0,2}[a-zA-Z%*\\[\\]]{0,3}") {
        render(&format!("{{{{ printf {format:?} .big .text .list .map .none }}}}"));
    }
}

#[test]
fn deep_nesting_is_refused_or_done() {
    for depth in [100, 10_000, 200_000] {
        let nested = [
            format!("{{{{ {}1{} }}}}", "(".repeat(depth), ")".repeat(depth)),
            format!("{}{}", "{{ if true }}".repeat(depth), "{{ end }}".repeat(depth)),
            format!("{{{{ if false }}}}{}{{{{ end }}}}", "{{ else if false }}".repeat(depth)),
            format!("{{{{ {} }}}}", "print (".repeat(depth)),
            format!("{{{{ .map{} }}}}", ".x".repeat(depth)),
            format!("{{{{ 1{} }}}}", " | print".repeat(depth)),
        ];
        for text in nested {
            render(&text);
        }
    }
}

#[test]
fn values_that_hold_themselves_are_written_to_an_end() {
    let cases = [
        "{{ . | toYaml }}",
        "{{ . }}",
        "{{ . | toJson }}",
        "{{ print . }}",
        "{{ . | quote }}",
        "{{ deepCopy . | len }}",
    ];
    for text in cases {
        render(&format!("{{{{ $_ := set . \"self\" . }}}}{text}"));
    }
    let twice = "{{ $_ := set . \"self\" . }}{{ $_ := set . \"again\" . }}{{ print . }}";
    assert!(render(twice).contains("stopped at more than"));
}
