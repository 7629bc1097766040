package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/mixer"
	"azulejo/signal/camera"
	"azulejo/signal/camera/cameratest"
)

// certificate writes a new certificate and its key as PEM files, and returns their names.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spec := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, spec, spec, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pemFile(t, "CERTIFICATE", der), pemFile(t, "PRIVATE KEY", keyDER)
}

func pemFile(t *testing.T, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func matches(t *testing.T, pattern, text string) bool {
	t.Helper()
	ok, err := regexp.MatchString("(?s)"+pattern, text)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestCheckReadsTLSFiles(t *testing.T) {
	cert, key := certificate(t)
	other, otherKey := certificate(t)
	text, none := filepath.Join(t.TempDir(), "text"), filepath.Join(t.TempDir(), "none")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ cert, key, want string }{
		{cert, key, ""},
		{"", "", ""},
		{cert, otherKey, "tls.key: "},
		{other, key, "tls.key: "},
		{none, key, "tls.cert: .*no such file"},
		{cert, none, "tls.key: .*no such file"},
		{none, none, "tls.cert: .*no such file.*\n.*tls.key: .*no such file"},
		{text, key, "tls.cert: .*no PEM"},
		{cert, text, "tls.key: "},
		{key, cert, `tls.cert: .*starts with "PRIVATE KEY"`},
		{pemFile(t, "CERTIFICATE", []byte("x")), key, "tls.cert: "},
	} {
		err := Config{TLS: TLSConfig{Cert: c.cert, Key: c.key}}.checkFiles()
		if c.want == "" && err == nil {
			continue
		}
		if c.want == "" || err == nil || !matches(t, c.want, err.Error()) || !strings.Contains(err.Error(), "accepted") {
			t.Errorf("%s, %s: %v; want %q", c.cert, c.key, err, c.want)
		}
	}
	if code := run([]string{"serve", "--set", "tls.cert=" + cert, "--set", "tls.key=" + otherKey}); code != 2 {
		t.Errorf("serve with another key: exit code %d, want 2", code)
	}
}

func TestCheckOpensPorts(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tcp.Close() }()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = udp.Close() }()
	c := defaultConfig()
	c.Listen, c.WebRTC.UDP, c.WebRTC.TCP = tcp.Addr().String(), udp.LocalAddr().String(), tcp.Addr().String()
	c.Turn.Listen = "192.0.2.1:0"
	got := fmt.Sprint(c.checkPorts())
	for _, want := range []string{`listen: "` + c.Listen, `webrtc.udp: "` + c.WebRTC.UDP, `webrtc.tcp: "` + c.WebRTC.TCP, "in use", `turn.listen: "192.0.2.1:0": this machine`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s; want %s", got, want)
		}
	}
	c.Listen, c.WebRTC.UDP, c.WebRTC.TCP, c.Turn.Listen = "127.0.0.1:0", "", "127.0.0.1:0", "127.0.0.1:0"
	if err := c.checkPorts(); err != nil {
		t.Error(err)
	}
	if code := run([]string{"check", "--listen", tcp.Addr().String(), "--set", "webrtc.udp=", "--set", "webrtc.tcp=127.0.0.1:0"}); code != 2 {
		t.Errorf("check with a port in use: exit code %d, want 2", code)
	}
}

// streamsOf returns probes of n streams of one camera's server.
func streamsOf(url string, n int) []*probe {
	var all []*probe
	for i := range n {
		all = append(all, &probe{room: "yard", camera: fmt.Sprint("channel ", i), cfg: camera.Config{URL: fmt.Sprintf(url, i)}})
	}
	return all
}

// TestTwoWrongLogins: the channels of one recorder share an account. After two refused logins, the rest of them say so without
// a try.
func TestTwoWrongLogins(t *testing.T) {
	recorder := (&cameratest.Camera{User: "admin", Password: "right"}).Start(t)
	c := Config{Rooms: map[string]RoomConfig{"yard": {}}}
	room := c.Rooms["yard"]
	for i := range 16 {
		url := fmt.Sprintf("%s/%d", recorder.LoginURL("admin", "wrong"), i)
		room.Cameras = append(room.Cameras, CameraConfig{Name: fmt.Sprint("channel ", i), URL: url, SubURL: url + "/sub"})
	}
	c.Rooms["yard"] = room
	all := c.probes()
	runProbes(t.Context(), all, camera.Probe)
	if got := recorder.Logins(); got != 2 || len(all) != 32 {
		t.Errorf("%d logins of %d streams, want 2", got, len(all))
	}
	for _, p := range all {
		if p.result.Trouble.Reason != mixer.ReasonWrongPassword {
			t.Errorf("%s: %+v", p.camera, p.result)
		}
	}
}

// TestProbesRunTogether: cameras are tried at the same time, but not too many, also those that share an account that works.
func TestProbesRunTogether(t *testing.T) {
	for name, url := range map[string]string{"no account": "rtsp://192.0.2.7/%d", "one account": "rtsp://u:p@192.0.2.7/%d"} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			running, most := 0, 0
			all, began := streamsOf(url, 20), time.Now()
			runProbes(t.Context(), all, func(context.Context, camera.Config) []camera.ProbeResult {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				time.Sleep(10 * time.Second)
				mu.Lock()
				running--
				mu.Unlock()
				return []camera.ProbeResult{{Codec: mixer.H264}}
			})
			if took := time.Since(began); most != probesAtOnce || took > 40*time.Second {
				t.Errorf("%s: %d at once, in %v", name, most, took)
			}
		})
	}
}

// TestConnectPrintsATable: every stream has a row, and so has the store.
func TestConnectPrintsATable(t *testing.T) {
	c, err := loadText(t, `rooms: {yard: {cameras: [{name: Gate, url: "test:", sub_url: "test:?w=320&h=180"}, {name: 정문, url: "test:"}]}}`, nil,
		Override{Key: "data", Value: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.connect(t.Context(), &out); err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"ROOM  CAMERA  STREAM  RESULT", "yard  Gate    main    not tried: a file or a test pattern", "yard  Gate    sub ", "yard  정문      main", "store   dir: written, read, deleted",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s; want %q", out.String(), want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(c.Data, "store", "*", "*")); len(left) > 0 {
		t.Errorf("left in the store: %q", left)
	}
	c.Data = filepath.Join(secretFile(t), "x") // a file, not a folder
	if err := c.connect(t.Context(), &out); err == nil || !strings.Contains(out.String(), "not a directory") {
		t.Errorf("a store that cannot be made: %v, %s", err, out.String())
	}
}

func TestProbesAreDescribed(t *testing.T) {
	for want, r := range map[string]camera.ProbeResult{
		"h264 1280x720 over tcp, audio aac": {Codec: mixer.H264, Width: 1280, Height: 720, Transport: "tcp", AudioCodec: mixer.AAC},
		"h265 over udp, no audio":           {Codec: mixer.H265, Transport: "udp"},
		"h264 over tcp, no audio (no-audio-codec: G.726 is not decoded)": {
			Codec: mixer.H264, Transport: "tcp", Audio: mixer.Trouble{Reason: mixer.ReasonNoAudioCodec, Detail: "G.726 is not decoded"},
		},
		"no-such-stream: the server answers 404": {Trouble: mixer.Trouble{Reason: mixer.ReasonNoSuchStream, Detail: "the server answers 404"}},
	} {
		if got := describeProbe(r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
