//go:build tools

// Package tools pins the programs that the sandbox builds.
package tools

import (
	_ "github.com/letsencrypt/pebble/v2/cmd/pebble"
)
