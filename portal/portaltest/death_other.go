//go:build unix && !linux

package portaltest

import "syscall"

// endWithThisProcess can't be had here: a server outlives a test process that was killed.
func endWithThisProcess(*syscall.SysProcAttr, syscall.Signal) {}
