package portaltest

import "syscall"

// endWithThisProcess has the kernel send the signal when the thread that started the program ends.
func endWithThisProcess(attributes *syscall.SysProcAttr, signal syscall.Signal) {
	attributes.Pdeathsig = signal
}
