{{ define "deep" }}
{{ .Values.a.b.c }}
{{ end }}{{ define "fails" }}{{ fail "because" }}{{ end }}