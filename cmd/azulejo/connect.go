package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"azulejo/recorder/store"
	"azulejo/signal/camera"
)

// The limits of check --connect.
const (
	probesAtOnce = 8
	probeTimeout = 12 * time.Second // of one stream; camera.Probe itself gives up after 10 s
	storeTimeout = 30 * time.Second
)

// probe is one stream of a camera that check --connect tries.
type probe struct {
	room, camera, stream string
	cfg                  camera.Config // with the URL of this stream alone
	result               camera.ProbeResult
}

// connect tries every camera of every room and the store, and prints a table. The error says how many cannot be used.
func (c Config) connect(ctx context.Context, out io.Writer) error {
	all := c.probes()
	runProbes(ctx, all, camera.Probe)
	failed := 0
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ROOM\tCAMERA\tSTREAM\tRESULT")
	for _, p := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.room, p.camera, p.stream, describeProbe(p.result))
		if p.result.Trouble.Reason != "" {
			failed++
		}
	}
	errStore := c.tryStore(ctx)
	if errStore != nil {
		fmt.Fprintf(table, "\t\tstore\t%v\n", errStore)
	} else {
		fmt.Fprintf(table, "\t\tstore\t%s: written, read, deleted\n", c.Store.Kind)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	switch {
	case failed > 0 && errStore != nil:
		return fmt.Errorf("%d of %d streams do not play, and the store cannot be used", failed, len(all))
	case failed > 0:
		return fmt.Errorf("%d of %d streams do not play", failed, len(all))
	case errStore != nil:
		return errors.New("the store cannot be used")
	}
	return nil
}

// probes returns one probe for each stream of each camera, sorted by room. All of them share one count of refused logins.
func (c Config) probes() []*probe {
	var all []*probe
	logins := camera.NewLogins()
	for _, room := range slices.Sorted(maps.Keys(c.Rooms)) {
		for _, cam := range c.Rooms[room].Cameras {
			for stream, url := range []string{cam.URL, cam.SubURL} {
				if url == "" {
					continue
				}
				cfg := cam.camera(room)
				cfg.URL, cfg.SubURL, cfg.Logins = url, "", logins
				all = append(all, &probe{room: room, camera: cam.Name, stream: [...]string{"main", "sub"}[stream], cfg: cfg})
			}
		}
	}
	return all
}

// runProbes runs all probes, probesAtOnce at a time. The Logins of their configurations limit wrong logins.
func runProbes(ctx context.Context, all []*probe, try func(context.Context, camera.Config) []camera.ProbeResult) {
	var work sync.WaitGroup
	slots := make(chan struct{}, probesAtOnce)
	for _, p := range all {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			trying, cancel := context.WithTimeout(ctx, probeTimeout)
			defer cancel()
			p.result = try(trying, p.cfg)[0]
		})
	}
	work.Wait()
}

// describeProbe returns what a stream sent, or why it does not play.
func describeProbe(r camera.ProbeResult) string {
	switch {
	case r.Trouble.Reason != "":
		return fmt.Sprintf("%s: %s", r.Trouble.Reason, r.Trouble.Detail)
	case r.Codec == "":
		return "not tried: a file or a test pattern"
	}
	text := string(r.Codec)
	if r.Width > 0 {
		text += fmt.Sprintf(" %dx%d", r.Width, r.Height)
	}
	if r.Transport != "" {
		text += " over " + r.Transport
	}
	switch {
	case r.Audio.Reason != "":
		return text + fmt.Sprintf(", no audio (%s: %s)", r.Audio.Reason, r.Audio.Detail)
	case r.AudioCodec != "":
		return text + ", audio " + string(r.AudioCodec)
	}
	return text + ", no audio"
}

// tryStore writes, reads and deletes one small object.
func (c Config) tryStore(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	st, err := openStore(c)
	if err != nil {
		return err
	}
	key, body := "check/"+rand.Text(), []byte("azulejo check")
	if err = st.Put(ctx, key, bytes.NewReader(body)); err != nil {
		return err
	}
	got, err := readObject(ctx, st, key)
	if err == nil && !bytes.Equal(got, body) {
		err = fmt.Errorf("get %s: the store returned other bytes than it was given", key)
	}
	return errors.Join(err, st.Delete(ctx, key))
}

func readObject(ctx context.Context, st store.Store, key string) ([]byte, error) {
	body, _, err := st.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(body)
	return got, errors.Join(err, body.Close())
}
