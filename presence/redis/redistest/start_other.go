//go:build !linux

package redistest

import "os/exec"

// dieWithParent is a courtesy that only Linux has.
func dieWithParent(*exec.Cmd) {}
