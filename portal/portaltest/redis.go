package portaltest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisServer is a private redis-server that keeps nothing on disk, as the portal's in production
// keeps none. It is gone when the test ends.
type RedisServer struct {
	// URL is redis://:PASSWORD@127.0.0.1:PORT/0; it stays the same over Stop and Start.
	URL string
	// Password is the one in URL, for tests that look whether it leaks.
	Password string

	t       testing.TB
	program string
	folder  string
	options []string
	port    int
	process *process // nil while stopped
	client  *redis.Client
}

// Redis starts a private, empty Redis and returns its URL, for tests that need no more of it.
func Redis(t testing.TB) (url string) {
	t.Helper()
	return StartRedis(t).URL
}

// StartRedis starts a private, empty Redis. More of redis-server's options can be given ("--cluster-enabled", "yes").
func StartRedis(t testing.TB, options ...string) *RedisServer {
	t.Helper()
	program, err := find("redis-server", "redis-server")
	if err != nil {
		t.Fatal(err)
	}
	folder, remove, err := folder("redis")
	if err != nil {
		t.Fatal(err)
	}
	r := &RedisServer{t: t, program: program, folder: folder, options: options, Password: rand.Text()}
	t.Cleanup(func() {
		r.Stop()
		if r.client != nil {
			r.client.Close()
		}
		remove()
	})
	err = startOnFreePort(func(port int) error {
		r.port = port
		r.URL = (&url.URL{Scheme: "redis", User: url.UserPassword("", r.Password), Host: "127.0.0.1:" + strconv.Itoa(port), Path: "/0"}).String()
		options, err := redis.ParseURL(r.URL)
		if err != nil {
			return err
		}
		options.MaxRetries = -1
		options.DialerRetries = 1
		if r.client != nil {
			r.client.Close()
		}
		r.client = redis.NewClient(options)
		return r.start()
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *RedisServer) start() error {
	cmd := exec.Command(r.program, append([]string{"--bind", "127.0.0.1", "--port", strconv.Itoa(r.port), "--dir", r.folder, "--requirepass", r.Password,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--databases", "1"}, r.options...)...)
	p, err := start(cmd, syscall.SIGKILL)
	if err != nil {
		return err
	}
	// Only ours knows the password, so an answer is its own, and not that of somebody who was faster on the port.
	if err := p.ready(func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(r.port)) // the client would log each refusal
		if err != nil {
			return err
		}
		conn.Close()
		return r.client.Ping(ctx).Err()
	}); err != nil {
		return err
	}
	r.process = p
	return nil
}

// Stop ends the server; its clients are refused from then on. All keys are gone. Stopping a stopped one does nothing.
func (r *RedisServer) Stop() {
	r.t.Helper()
	r.end(syscall.SIGTERM)
}

// Kill ends the server at once, as a power cut does.
func (r *RedisServer) Kill() {
	r.t.Helper()
	r.end(syscall.SIGKILL)
}

func (r *RedisServer) end(signal syscall.Signal) {
	r.t.Helper()
	if r.process == nil {
		return
	}
	if err := r.process.stop(signal); err != nil {
		r.t.Error(err)
	}
	r.process = nil
}

// Freeze lets the server keep its connections and answer nothing, until Thaw.
func (r *RedisServer) Freeze() { r.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (r *RedisServer) Thaw() { r.signal(syscall.SIGCONT) }

func (r *RedisServer) signal(signal syscall.Signal) {
	r.t.Helper()
	if r.process == nil {
		r.t.Fatal("this Redis is stopped")
	}
	if err := r.process.cmd.Process.Signal(signal); err != nil {
		r.t.Fatal(err)
	}
}

// Start starts a stopped server again, empty, on the same port.
func (r *RedisServer) Start() {
	r.t.Helper()
	if r.process != nil {
		return
	}
	if err := r.start(); err != nil {
		r.t.Fatal(err)
	}
}

// Restart is Stop and Start: the keys are gone.
func (r *RedisServer) Restart() {
	r.t.Helper()
	r.Stop()
	r.Start()
}

// Flush removes all keys.
func (r *RedisServer) Flush() {
	r.t.Helper()
	if err := r.client.FlushAll(context.Background()).Err(); err != nil {
		r.t.Fatal(err)
	}
}

// Dump writes down all that somebody who copied this Redis would have: each key with its type, remaining life and
// value, sorted. Values are as they are, not quoted, so that a search for what
// must not be there finds it.
func (r *RedisServer) Dump() string {
	r.t.Helper()
	ctx := context.Background() // the test's own is over in its Cleanup
	var keys []string
	scan := r.client.Scan(ctx, 0, "*", 1000).Iterator()
	for scan.Next(ctx) {
		keys = append(keys, scan.Val())
	}
	if err := scan.Err(); err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(keys)
	var b strings.Builder
	for _, key := range slices.Compact(keys) { // a scan may name a key twice
		if err := r.dumpKey(ctx, &b, key); err != nil {
			r.t.Fatalf("key %q: %v", key, err)
		}
	}
	return b.String()
}

func (r *RedisServer) dumpKey(ctx context.Context, b *strings.Builder, key string) error {
	kind, err := r.client.Type(ctx, key).Result()
	if err != nil {
		return err
	}
	life, err := r.client.PTTL(ctx, key).Result()
	if err != nil {
		return err
	}
	var values []string
	switch kind {
	case "none": // it expired meanwhile
		return nil
	case "string":
		var v string
		v, err = r.client.Get(ctx, key).Result()
		values = []string{v}
	case "list":
		values, err = r.client.LRange(ctx, key, 0, -1).Result()
	case "set":
		values, err = r.client.SMembers(ctx, key).Result()
		slices.Sort(values)
	case "hash":
		var fields map[string]string
		fields, err = r.client.HGetAll(ctx, key).Result()
		for name, v := range fields {
			values = append(values, name+" = "+v)
		}
		slices.Sort(values)
	case "zset":
		var members []redis.Z
		members, err = r.client.ZRangeWithScores(ctx, key, 0, -1).Result()
		for _, m := range members {
			values = append(values, fmt.Sprintf("%v = %v", m.Member, m.Score))
		}
	case "stream":
		var messages []redis.XMessage
		messages, err = r.client.XRange(ctx, key, "-", "+").Result()
		for _, m := range messages {
			values = append(values, fmt.Sprintf("%s = %v", m.ID, m.Values))
		}
	default:
		return fmt.Errorf("has type %s, which Dump does not know", kind)
	}
	if err != nil && err != redis.Nil {
		return err
	}
	// go-redis answers -1 ns for "no end".
	end := "for good"
	if life > 0 {
		end = life.Round(time.Second).String()
	}
	fmt.Fprintf(b, "%s (%s, %s)\n", key, kind, end)
	for _, v := range values {
		fmt.Fprintf(b, "\t%s\n", v)
	}
	return nil
}
