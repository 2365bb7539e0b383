// Package process fits a function's process to Lambda: when memory is collected, and where the root certificates lie. Only the functions' main
// calls it, before anything else.
package process

import (
	"crypto/x509"
	"os"
	"runtime/debug"
	"strconv"
)

// bundle is where provided.al2023 has the root certificates, as Fedora does: all of them in one file.
const bundle = "/etc/pki/tls/certs/ca-bundle.crt"

// Tune does both, and begins to read the certificates. What the environment says already is left alone.
func Tune(getenv func(string) string, setenv func(name, value string) error) {
	if limit := memoryLimit(getenv); limit > 0 {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(-1)
	}
	for name, value := range roots(getenv, readable) {
		_ = setenv(name, value) // both names are well-formed
	}
	// Reading the certificates takes longer than all else in a handshake. It goes on beside the rest of init; all connections wait for one reading.
	go func() { _, _ = x509.SystemCertPool() }()
}

// memoryLimit is the heap in bytes at which collecting begins, half of the function's memory; 0 leaves Go's own pace, whose first collections
// fall into init and the first buyer's request. The rest is for the program itself, stacks and what the limit is overshot by.
func memoryLimit(getenv func(string) string) int64 {
	megabytes, err := strconv.ParseInt(getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), 10, 32)
	if err != nil || getenv("GOGC") != "" || getenv("GOMEMLIMIT") != "" {
		return 0
	}
	return megabytes << 20 / 2
}

// roots are the variables that make crypto/x509 read the bundle once. By itself it reads the bundle, then every file of two folders, which on
// Amazon Linux are one and hold the bundle again. Without a bundle, and where somebody names certificates of their own, nothing is set.
func roots(getenv func(string) string, readable func(string) bool) map[string]string {
	if getenv("SSL_CERT_FILE") != "" || getenv("SSL_CERT_DIR") != "" || !readable(bundle) {
		return nil
	}
	return map[string]string{"SSL_CERT_FILE": bundle, "SSL_CERT_DIR": os.DevNull}
}

// readable says whether the file is there and holds something.
func readable(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	about, err := file.Stat()
	return err == nil && about.Mode().IsRegular() && about.Size() > 0
}
