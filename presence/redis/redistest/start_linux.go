package redistest

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the process end with the test's, however that ends. The
// kernel goes by the thread that started it: keep that.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
