// Package mongotest gives tests a MongoDB, or what stands in for one.
//
// CARDEA_TEST_MONGO_URI names a replica set; each test gets a database of its own on it, which the end of
// the test drops. CARDEA_TEST_MONGO_STANDIN names the program of test/mongo, which is started once for all
// tests of a test binary; scripts/mongo builds it. What passes on it shows that the driver is used rightly,
// and nothing about MongoDB. With neither a test is skipped; where CI is set it fails.
package mongotest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Names of variables.
const (
	Variable = "CARDEA_TEST_MONGO_URI"     // a server to use
	Program  = "CARDEA_TEST_MONGO_STANDIN" // the stand-in
)

// shared keeps the stand-in as long as the test binary lives: it ends when nobody holds its input any more.
var shared = sync.OnceValues(func() (*Server, error) {
	if uri := os.Getenv(Variable); uri != "" {
		return &Server{url: uri}, nil
	}
	sweep()
	dir, err := os.MkdirTemp("", prefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return nil, err
	}
	return start("-dir", dir)
})

// Real reports whether the tests run on a MongoDB.
func Real() bool { return os.Getenv(Variable) != "" }

// URL is the address of a database of its own. The end of the test drops it.
func URL(t testing.TB) string {
	t.Helper()
	return Named(t, "t_"+strings.ToLower(rand.Text()[:16]))
}

// Named is like URL for the database of that name: a test gets the same one each time.
func Named(t testing.TB, name string) string {
	t.Helper()
	server, err := shared()
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(func() {
		if Real() {
			drop(t, server.url, name)
		}
	})
	return database(server.url, name)
}

// database is the address of a database on a server. The stand-in locks a database for a transaction, and who
// waits for it holds a connection: there must be more of them than callers.
func database(server, name string) string {
	base, query, _ := strings.Cut(server, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		return server
	}
	if !Real() {
		q.Set("maxPoolSize", "0")
	}
	scheme, rest, _ := strings.Cut(base, "://")
	hosts, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + hosts + "/" + name + "?" + q.Encode()
}

func drop(t testing.TB, server, name string) {
	t.Helper()
	err := with(server, func(ctx context.Context, c *mongo.Client) error { return c.Database(name).Drop(ctx) })
	if err != nil {
		t.Error(err)
	}
}

// Set changes a field of a document in the database of a URL, behind everybody's back.
func Set(uri, collection, docID, field, value string) error {
	_, path, _ := strings.Cut(strings.TrimPrefix(uri, "mongodb://"), "/")
	name, _, _ := strings.Cut(path, "?")
	return with(uri, func(ctx context.Context, c *mongo.Client) error {
		_, err := c.Database(name).Collection(collection).UpdateOne(ctx, bson.D{{Key: "_id", Value: docID}}, bson.D{{Key: "$set", Value: bson.D{{Key: field, Value: value}}}})
		return err
	})
}

func with(uri string, f func(context.Context, *mongo.Client) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return err
	}
	return errors.Join(f(ctx, client), client.Disconnect(ctx))
}

func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" || !errors.Is(err, errAbsent) {
		t.Fatalf("MongoDB: %v", err)
	}
	t.Skip(err)
}

var errAbsent = errors.New("there is no MongoDB, nor what stands in for it: scripts/mongo builds that")

// Server is a stand-in of one test, whose data outlives it.
type Server struct {
	url, bare string
	dir       string
	process   *exec.Cmd
	stdin     io.Closer
}

// Private starts a stand-in for one test.
func Private(t testing.TB) *Server {
	t.Helper()
	dir := t.TempDir()
	s, err := start("-dir", dir, "-keep")
	if err != nil {
		missing(t, err)
	}
	s.dir = dir
	t.Cleanup(s.Kill)
	return s
}

// URL is the address of a database of the server.
func (s *Server) URL() string { return database(s.url, "test") }

// Bare is the same of a server that stands alone.
func (s *Server) Bare() string { return database(s.bare, "test") }

// Kill ends the server at once (SIGKILL).
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait() // it was told to end
	_ = s.stdin.Close()
	s.process = nil
}

// Restart starts a server that was killed, at the same address.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	again, err := start("-dir", s.dir, "-keep", "-listen", strings.TrimPrefix(s.url, "mongodb://"))
	if err != nil {
		t.Fatal(err)
	}
	again.dir = s.dir
	*s = *again
}

// start runs a stand-in, which ends when this process does.
func start(args ...string) (*Server, error) {
	path := os.Getenv(Program)
	if path == "" {
		return nil, errAbsent
	}
	cmd := exec.CommandContext(context.Background(), path, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Server{process: cmd, stdin: in}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.Kill()
		return nil, fmt.Errorf("the stand-in did not start: %w", err)
	}
	s.url, s.bare, _ = strings.Cut(strings.TrimSpace(line), " ")
	return s, nil
}

// prefix begins the names of what is left in the temporary directory; the process id of the test binary
// follows.
const prefix = "cardea-mongo-"

// sweep removes what test binaries have left that are no more.
func sweep() {
	found, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, path := range found {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), prefix), "-")
		if n, err := strconv.Atoi(pid); err == nil && errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			_ = os.RemoveAll(path)
		}
	}
}
