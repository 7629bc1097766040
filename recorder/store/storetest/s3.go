// Package storetest helps to test stores and the packages that use them. It runs a real S3 server. Conformance
// is the test that every store must pass. Only tests import the package.
package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"azulejo/mixer/logtest"
	"azulejo/recorder/store"
)

// Bucket is the name of the bucket on the server that StartS3 runs.
const Bucket = "footage"

// StartS3 runs a real S3 server (versitygw) until the test ends. The server has an empty bucket in a temporary
// folder. If the binary versitygw is missing, the test fails.
func StartS3(t testing.TB) store.S3Config {
	t.Helper()
	binary := findServer(t)
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, Bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 5 { // another process may bind the free port before the server does
		cfg := store.S3Config{
			Endpoint: "http://" + freeAddr(t), Bucket: Bucket, Region: "us-east-1",
			AccessKey: "test", SecretKey: rand.Text(), PathStyle: true,
		}
		if tryServer(t, binary, root, cfg) {
			return cfg
		}
	}
	t.Fatal("versitygw did not start")
	return store.S3Config{}
}

// findServer returns the path of the binary versitygw.
func findServer(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path
	}
	cache := os.Getenv("AZULEJO_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(base, "azulejo")
	}
	path := filepath.Join(cache, "bin", "versitygw")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("versitygw is neither on PATH nor in %s: run scripts/setup", filepath.Dir(path))
	}
	return path
}

// freeAddr returns a TCP address, host:port, that is free at the moment.
func freeAddr(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return addr
}

// tryServer starts the server and waits until it answers. It returns false if the server exits before it
// answers.
func tryServer(t testing.TB, binary, root string, cfg store.S3Config) bool {
	t.Helper()
	addr := strings.TrimPrefix(cfg.Endpoint, "http://")
	var out logtest.Log
	cmd := exec.Command(binary, "--port", addr, "--access", cfg.AccessKey, "--secret", cfg.SecretKey, "--quiet", "posix", root)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("start versitygw: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // its output is in out
	}()

	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case <-exited:
			t.Logf("versitygw: %v\n%s", cmd.ProcessState, out.String())
			return false
		case <-deadline:
			_ = cmd.Process.Kill()
			<-exited
			t.Fatalf("versitygw does not answer on %s\n%s", addr, out.String())
		case <-poll.C:
			if !answers(t, addr, cfg) {
				continue
			}
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				<-exited
			})
			return true
		}
	}
}

// answers tells whether our server answers at the address. An S3 server of another process would refuse the
// request, because it does not know the secret key in cfg.
func answers(t testing.TB, addr string, cfg store.S3Config) bool {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	_ = conn.Close()
	s, err := store.NewS3(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }() // no request is running any more
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = s.Stat(ctx, "missing")
	return errors.Is(err, store.ErrNotFound)
}

// OpenS3 calls StartS3 and returns a client of the server. The client is closed at the end of the test.
func OpenS3(t testing.TB) *store.S3 {
	t.Helper()
	return Client(t, StartS3(t))
}

// Client returns a client of the S3 server that cfg names. The client is closed at the end of the test.
func Client(t testing.TB, cfg store.S3Config) *store.S3 {
	t.Helper()
	s, err := store.NewS3(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(fmt.Errorf("close store: %w", err))
		}
	})
	return s
}
