package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/cardea-auth/cardea/test/port"
)

// bareFlag makes this program the bare server, in a process of its own on the server's core.
const bareFlag = "CARDEA_BENCH_BARE"

// bareServer answers as little as net/http can: the limit of what a server in Go could do here.
type bareServer struct {
	process *exec.Cmd
	base    string
}

func init() { //nolint:gochecknoinits // the child must not read flags
	if os.Getenv(hashFlag) != "" {
		printHashCost()
		os.Exit(0)
	}
	if perSecond := os.Getenv(crowdFlag); perSecond != "" {
		if err := beCrowd(perSecond, os.Getenv(crowdBase)); err != nil {
			fmt.Fprintln(os.Stderr, "bench: the crowd:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if port := os.Getenv(bareFlag); port != "" {
		serveBare(port)
		os.Exit(0)
	}
}

func serveBare(port string) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"ok":true}`)) })
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		var in map[string]any
		if json.NewDecoder(r.Body).Decode(&in) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"decision": true})
	})
	_ = (&http.Server{Addr: "127.0.0.1:" + port, Handler: mux, ReadHeaderTimeout: time.Second}).ListenAndServe()
}

func startBare(ctx context.Context) (*bareServer, error) {
	free, err := port.Free()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := onServerCore(ctx, self)
	c.Env = append(os.Environ(), bareFlag+"="+strconv.Itoa(free), "GOMAXPROCS=1") // the best that it can do
	if err := c.Start(); err != nil {
		return nil, err
	}
	b := &bareServer{process: c, base: "http://127.0.0.1:" + strconv.Itoa(free)}
	return b, waitFor(ctx, b.base+"/")
}

func (b *bareServer) stop() {
	_ = b.process.Process.Kill()
	_ = b.process.Wait()
}

func (b *bareServer) workloads() []workload {
	question := []byte(`{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"doc","id":"1"}}`)
	return []workload{
		{name: "bare GET", method: "GET", at: b.base, process: b.process, next: always(wire("GET", b.base, "/", "", nil))},
		{name: "bare POST", method: "POST", at: b.base, process: b.process, next: always(wire("POST", b.base, "/", "application/json", question))},
	}
}
