package store

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// The values of S3Config.Checksum: how the server checks the body of a Put.
const (
	ChecksumAuto = "auto" // SHA-256 in a header; the server keeps it with the object
	ChecksumNone = "none" // only Content-MD5, for servers that refuse the newer checksum headers
)

// S3Config holds the name of a bucket, the address of its server and the credentials. Printing and logging
// leave out AccessKey and SecretKey.
type S3Config struct {
	Endpoint  string `yaml:"endpoint"` // URL; host and port without a scheme mean https
	Bucket    string `yaml:"bucket"`
	Region    string `yaml:"region"` // empty: the client requests it from the server
	AccessKey string `yaml:"access_key"`
	SecretKey string `yaml:"secret_key"`
	Prefix    string `yaml:"prefix"`     // comes before every key in the bucket
	PathStyle bool   `yaml:"path_style"` // the bucket is in the path of a URL, not in its host name
	Checksum  string `yaml:"checksum"`   // ChecksumAuto or ChecksumNone; empty: ChecksumAuto
}

// Validate returns an error with a line for each wrong field. The line names the field and its accepted values.
func (c S3Config) Validate() error {
	var errs []error
	if _, _, err := c.host(); err != nil {
		errs = append(errs, err)
	}
	if c.Bucket == "" {
		errs = append(errs, errors.New(`bucket: "": accepted is the name of a bucket`))
	}
	if p := strings.TrimSuffix(c.Prefix, "/"); p != "" && checkKey(p) != nil {
		errs = append(errs, fmt.Errorf("prefix: %q: accepted is a relative path without empty or dotted elements", c.Prefix))
	}
	if c.Checksum != "" && c.Checksum != ChecksumAuto && c.Checksum != ChecksumNone {
		errs = append(errs, fmt.Errorf("checksum: %q: accepted are auto, none", c.Checksum))
	}
	return errors.Join(errs...)
}

// host returns the endpoint's host and port. secure is true for https.
func (c S3Config) host() (host string, secure bool, err error) {
	raw := c.Endpoint
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" {
		return "", false, fmt.Errorf("endpoint: %q: accepted are http://host:port, https://host:port", c.Endpoint)
	}
	return u.Host, u.Scheme == "https", nil
}

// LogValue returns a value without AccessKey and SecretKey.
func (c S3Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("endpoint", c.Endpoint), slog.String("bucket", c.Bucket),
		slog.String("prefix", c.Prefix))
}

// String returns a text without AccessKey and SecretKey.
func (c S3Config) String() string { return c.Endpoint + "/" + c.Bucket + "/" + c.Prefix }

// GoString returns a text without AccessKey and SecretKey.
func (c S3Config) GoString() string { return c.String() }

// S3 is a Store in a bucket of an S3-compatible server.
type S3 struct {
	cfg       S3Config
	prefix    string // ends in a slash; empty without a prefix
	client    *minio.Client
	transport *http.Transport
}

// s3Attempts is how often the client tries one request. If a Put fails nevertheless, the uploader retries it.
const s3Attempts = 3

// NewS3 returns a store in a bucket. It sends no request, so the server may be down at that time.
func NewS3(cfg S3Config) (*S3, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("store.s3.%w", err)
	}
	host, secure, err := cfg.host()
	if err != nil {
		return nil, err
	}
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	lookup := minio.BucketLookupAuto
	if cfg.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(host, &minio.Options{
		Creds:        credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""),
		Secure:       secure,
		Transport:    transport,
		Region:       cfg.Region,
		BucketLookup: lookup,
		MaxRetries:   s3Attempts,
		// minio-go sends a checksum header only with this option. Put sends the checksum before the body, not
		// in a trailer.
		TrailingHeaders: cfg.Checksum != ChecksumNone,
	})
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &S3{cfg: cfg, client: client, transport: transport}
	if p := strings.TrimSuffix(cfg.Prefix, "/"); p != "" {
		s.prefix = p + "/"
	}
	return s, nil
}

// Close closes the idle connections. Requests that are running continue.
func (s *S3) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// sums holds the size and the checksums of an object.
type sums struct {
	size   int64
	sha256 []byte
	md5    []byte
}

// sumsOf reads r to its end and returns the sums of the bytes.
func sumsOf(r io.Reader) (sums, error) {
	sha, md := sha256.New(), md5.New()
	n, err := io.Copy(io.MultiWriter(sha, md), r)
	return sums{n, sha.Sum(nil), md.Sum(nil)}, err
}

// Put sends the body and its checksum in one request. Then it compares the size and the checksum that the server
// reports with those of the body.
func (s *S3) Put(ctx context.Context, key string, body io.ReadSeeker) error {
	if err := checkKey(key); err != nil {
		return err
	}
	want, err := sumAndRewind(body)
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	opts := minio.PutObjectOptions{DisableMultipart: true, SendContentMd5: s.cfg.Checksum == ChecksumNone}
	if !opts.SendContentMd5 {
		opts.UserMetadata = map[string]string{"x-amz-checksum-sha256": base64.StdEncoding.EncodeToString(want.sha256)}
	}
	if _, err := s.client.PutObject(ctx, s.cfg.Bucket, s.prefix+key, body, want.size, opts); err != nil {
		return fmt.Errorf("put %s: %w", key, translated(err))
	}
	if err := s.confirm(ctx, key, want); err != nil {
		return fmt.Errorf("confirm %s: %w", key, err)
	}
	return nil
}

// sumAndRewind computes the sums of the whole body, then seeks to the body's first byte.
func sumAndRewind(body io.ReadSeeker) (sums, error) {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return sums{}, err
	}
	want, err := sumsOf(body)
	if err != nil {
		return sums{}, err
	}
	_, err = body.Seek(0, io.SeekStart)
	return want, err
}

// confirm returns an error if the object on the server differs from want. It compares the size and the
// checksums that the server reports: SHA-256, and the ETag, which may be the MD5. If neither checksum is equal,
// confirm reads the object back and compares its SHA-256.
func (s *S3) confirm(ctx context.Context, key string, want sums) error {
	info, err := s.client.StatObject(ctx, s.cfg.Bucket, s.prefix+key, minio.StatObjectOptions{Checksum: true})
	if err != nil {
		return translated(err)
	}
	if info.Size != want.size {
		return fmt.Errorf("%d bytes sent, the store has %d", want.size, info.Size)
	}
	if info.ChecksumSHA256 == base64.StdEncoding.EncodeToString(want.sha256) ||
		strings.EqualFold(info.ETag, hex.EncodeToString(want.md5)) {
		return nil
	}
	return s.readBack(ctx, key, want)
}

// readBack reads the object and returns an error if its SHA-256 differs from want.sha256.
func (s *S3) readBack(ctx context.Context, key string, want sums) error {
	body, _, err := s.Get(ctx, key)
	if err != nil {
		return err
	}
	got, err := sumsOf(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return err
	}
	if string(got.sha256) != string(want.sha256) {
		return errors.New("the store has other bytes than were sent")
	}
	return nil
}

// Get opens an object. The reader requests the bytes from the server when the caller reads them.
func (s *S3) Get(ctx context.Context, key string) (io.ReadSeekCloser, Info, error) {
	if err := checkKey(key); err != nil {
		return nil, Info{}, err
	}
	obj, err := s.client.GetObject(ctx, s.cfg.Bucket, s.prefix+key, minio.GetObjectOptions{})
	if err != nil {
		return nil, Info{}, fmt.Errorf("get %s: %w", key, translated(err))
	}
	info, err := obj.Stat()
	if err != nil {
		return nil, Info{}, errors.Join(fmt.Errorf("get %s: %w", key, translated(err)), obj.Close())
	}
	return obj, Info{Key: key, Size: info.Size, Modified: info.LastModified}, nil
}

// Stat describes an object.
func (s *S3) Stat(ctx context.Context, key string) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	info, err := s.client.StatObject(ctx, s.cfg.Bucket, s.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return Info{}, fmt.Errorf("stat %s: %w", key, translated(err))
	}
	return Info{Key: key, Size: info.Size, Modified: info.LastModified}, nil
}

// List requests the list of the bucket page by page.
func (s *S3) List(parent context.Context, q Query) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		ctx, cancel := context.WithCancel(parent)
		defer cancel()
		owner := false
		opts := minio.ListObjectsOptions{Prefix: s.prefix + q.Prefix, Recursive: !q.Folders, FetchOwner: &owner}
		if q.After != "" {
			opts.StartAfter = s.prefix + q.After
		}
		for obj := range s.client.ListObjectsIter(ctx, s.cfg.Bucket, opts) {
			key := strings.TrimPrefix(obj.Key, s.prefix)
			if obj.Err != nil {
				yield(Info{}, fmt.Errorf("list %s: %w", q.Prefix, translated(obj.Err)))
				return
			}
			if key <= q.After || strings.HasSuffix(key, "/") != q.Folders {
				continue // some servers ignore start-after, and a list may contain objects and folders
			}
			if !yield(Info{Key: key, Size: obj.Size, Modified: obj.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Info{}, fmt.Errorf("list %s: %w", q.Prefix, err))
		}
	}
}

// Delete removes an object.
func (s *S3) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := translated(s.client.RemoveObject(ctx, s.cfg.Bucket, s.prefix+key, minio.RemoveObjectOptions{}))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// translated returns ErrNotFound if err is the server's error for a missing object. Otherwise it returns err.
func translated(err error) error {
	var e minio.ErrorResponse
	if errors.As(err, &e) && (e.Code == minio.NoSuchKey || e.Code == "NotFound") {
		return ErrNotFound
	}
	return err
}
