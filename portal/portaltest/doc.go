// Package portaltest starts the real things that tests need: Redis, PostgreSQL,
// GnuPG, Chromium, DNS that is signed and a resolver that verifies it, a TCP proxy that fails on demand, a certificate for localhost.
//
//	func TestMain(m *testing.M) { portaltest.Main(m) }
//
//	func TestSessionsOutliveARestart(t *testing.T) {
//		redis := portaltest.StartRedis(t)
//		database := portaltest.PostgreSQL(t) // a fresh, empty one
//		…
//	}
//
// [Axe] has axe-core judge what a browser shows.
//
// A whole portal, with an institution around it, is in package live.
//
// # What a caller may rely on
//
// Everything is private to the test process: a free port on the loopback
// interface, a temporary folder, a user-data directory or GnuPG home of its own. A server that
// was running before is never used or touched.
//
// What a function starts for a test is gone when that test ends. The PostgreSQL servers
// are shared by the tests of one process, start at the first use, and stop in [Main], which a package
// that uses them calls from TestMain. Nothing is left behind when the test process is killed
// either: on Linux the kernel ends its servers ([os/exec.Cmd.SysProcAttr], Pdeathsig), everywhere a small shell,
// which waits for the end of the process on a pipe, removes their folders.
//
// A program that is missing fails the test and names the Debian package that brings it;
// nothing is skipped but what takes a network of its own ([OwnNetwork]) where the system gives none. scripts/test-packages installs all of them.
//
// # Root
//
// PostgreSQL refuses to run as root. When the tests do, it runs as the user postgres, or nobody where
// that doesn't exist.
//
// Only tests import this package.
package portaltest
