package portaltest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"valise/portal/portaltest"
)

func redisClient(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries = -1
	options.DialerRetries = 1
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	return client
}

func TestRedisStopsRestartsAndForgets(t *testing.T) {
	server := portaltest.StartRedis(t)
	client := redisClient(t, server.URL)
	ctx := t.Context()
	for what, forget := range map[string]func(){
		"restart": server.Restart,
		"flush":   server.Flush,
		"kill":    func() { server.Kill(); server.Start() },
	} {
		if err := client.Set(ctx, "k", what, 0).Err(); err != nil {
			t.Fatalf("before %s: %v", what, err)
		}
		forget()
		eventually(t, "the client is connected again after "+what, func() bool { return client.Ping(ctx).Err() == nil })
		if err := client.Get(ctx, "k").Err(); err != redis.Nil {
			t.Errorf("after %s the key is still there (%v)", what, err)
		}
	}
	server.Stop()
	if err := client.Ping(ctx).Err(); err == nil {
		t.Error("a stopped server answered")
	}
}

func TestRedisWantsItsPassword(t *testing.T) {
	server := portaltest.StartRedis(t)
	client := redisClient(t, strings.Replace(server.URL, server.Password, "other", 1))
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Error("a wrong password was accepted")
	}
}

func TestRedisDumpShowsEveryKindOfValue(t *testing.T) {
	server := portaltest.StartRedis(t)
	client := redisClient(t, server.URL)
	ctx := t.Context()
	client.Set(ctx, "text", "in a text", time.Hour)
	client.RPush(ctx, "list", "in a list")
	client.SAdd(ctx, "set", "in a set")
	client.HSet(ctx, "hash", "field", "in a hash")
	client.ZAdd(ctx, "zset", redis.Z{Score: 7, Member: "in a sorted set"})
	client.XAdd(ctx, &redis.XAddArgs{Stream: "stream", Values: []string{"field", "in a stream"}})
	dump := server.Dump()
	for _, want := range []string{"text (string, 1h0m0s)", "list (list, for good)", "in a text", "in a list", "in a set", "field = in a hash", "in a sorted set = 7", "in a stream"} {
		if !strings.Contains(dump, want) {
			t.Errorf("the dump lacks %q:\n%s", want, dump)
		}
	}
}

func TestTwoRedisShareNothing(t *testing.T) {
	a, b := portaltest.StartRedis(t), portaltest.StartRedis(t)
	if err := redisClient(t, a.URL).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if dump := b.Dump(); dump != "" {
		t.Errorf("a key of one Redis is in the other:\n%s", dump)
	}
}
