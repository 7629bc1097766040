package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azulejo/recorder/store"
	"azulejo/recorder/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDir(t *testing.T) {
	storetest.Conformance(t, func(t *testing.T) store.Store {
		d, err := store.NewDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}

func TestS3(t *testing.T) {
	server := storetest.StartS3(t)
	for _, mode := range []string{store.ChecksumAuto, store.ChecksumNone} {
		t.Run(mode, func(t *testing.T) {
			n := 0
			storetest.Conformance(t, func(t *testing.T) store.Store {
				n++
				cfg := server
				cfg.Checksum, cfg.Prefix = mode, fmt.Sprintf("%s/%d", mode, n) // a new prefix each: an empty store
				return storetest.Client(t, cfg)
			})
		})
	}
}

// Concurrent puts and deletes create and remove the same folders.
func TestDirFoldersVanish(t *testing.T) {
	d, err := store.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 50 {
				key := fmt.Sprintf("c/%d/%d", i%2, w)
				if err := d.Put(t.Context(), key, strings.NewReader("x")); err != nil {
					t.Error(err)
				}
				if err := d.Delete(t.Context(), key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestDirClearsOldTemporaryFiles(t *testing.T) {
	root := t.TempDir()
	if _, err := store.NewDir(root); err != nil {
		t.Fatal(err)
	}
	old, young := filepath.Join(root, ".tmp", "put-1"), filepath.Join(root, ".tmp", "put-2")
	for _, path := range []string{old, young} {
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(old, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	if _, err := store.NewDir(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("old temporary file: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Error(err)
	}
}

func TestS3Refusals(t *testing.T) {
	good := storetest.StartS3(t)
	for name, change := range map[string]func(*store.S3Config){
		"wrong secret":   func(c *store.S3Config) { c.SecretKey = "other" },
		"missing bucket": func(c *store.S3Config) { c.Bucket = "nothing" },
		"no server":      func(c *store.S3Config) { c.Endpoint = "http://127.0.0.1:1" },
	} {
		cfg := good
		change(&cfg)
		if err := storetest.Client(t, cfg).Put(t.Context(), "a", strings.NewReader("x")); err == nil {
			t.Errorf("%s: put succeeded", name)
		}
	}
}

// changingBody has other bytes when it is read for the second time.
type changingBody struct {
	*bytes.Reader
	rewinds int
}

func (c *changingBody) Seek(at int64, whence int) (int64, error) {
	if c.rewinds++; c.rewinds == 2 {
		c.Reset([]byte("other"))
	}
	return c.Reader.Seek(at, whence)
}

func TestS3NoticesOtherBytes(t *testing.T) {
	cfg := storetest.StartS3(t)
	for _, mode := range []string{store.ChecksumAuto, store.ChecksumNone} {
		cfg.Checksum = mode
		s := storetest.Client(t, cfg)
		if err := s.Put(t.Context(), "a", &changingBody{Reader: bytes.NewReader([]byte("first"))}); err == nil {
			t.Errorf("checksum %s: put of other bytes was confirmed", mode)
		} else {
			t.Log(mode, err)
		}
	}
}

func TestS3ConfigValidate(t *testing.T) {
	good := store.S3Config{Endpoint: "s3.example.org", Bucket: "b"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*store.S3Config){
		"endpoint": func(c *store.S3Config) { c.Endpoint = "ftp://x" },
		"bucket":   func(c *store.S3Config) { c.Bucket = "" },
		"prefix":   func(c *store.S3Config) { c.Prefix = "/a" },
		"checksum": func(c *store.S3Config) { c.Checksum = "crc" },
	} {
		cfg := good
		change(&cfg)
		if _, err := store.NewS3(cfg); err == nil || !strings.Contains(err.Error(), "store.s3."+want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestS3ConfigHidesItsSecret(t *testing.T) {
	cfg := store.S3Config{Endpoint: "h", Bucket: "b", AccessKey: "AKEY", SecretKey: "SKEY"}
	for _, s := range []string{fmt.Sprint(cfg), fmt.Sprintf("%+v", cfg), fmt.Sprintf("%#v", cfg), cfg.LogValue().String()} {
		if strings.Contains(s, "KEY") {
			t.Errorf("printed as %s", s)
		}
	}
}
