//go:build tools

// Package tools pins the programs that the sandbox builds.
package tools

import (
	_ "helm.sh/helm/v3/cmd/helm"
)
