package session_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/session"
	"valise/portal/session/recordstest"
)

func openRedis(t *testing.T, s *portaltest.RedisServer) *session.Redis {
	t.Helper()
	place, err := session.OpenRedis(t.Context(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { place.Close() })
	return place
}

func TestRedisKeepsRecordsNoncesAndLimits(t *testing.T) {
	t.Parallel()
	server := portaltest.StartRedis(t)
	recordstest.Run(t, openRedis(t, server), time.Sleep)

	// Everything that all this left behind goes away by itself.
	options, err := redis.ParseURL(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatal(len(keys), err)
	}
	for _, key := range keys {
		if ttl := client.PTTL(t.Context(), key).Val(); ttl == -1 || ttl > session.AbsoluteTimeout+session.IdleTimeout {
			t.Errorf("%s lives for %v", key, ttl)
		}
	}
}

// TestRedisClusterKeepsRecordsNoncesAndLimits has a Cluster of one node, which refuses commands over several slots as a large one does.
func TestRedisClusterKeepsRecordsNoncesAndLimits(t *testing.T) {
	t.Parallel()
	server := portaltest.StartRedis(t, "--cluster-enabled", "yes")
	options, err := redis.ParseURL(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	node := redis.NewClient(options)
	defer node.Close()
	if err := node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the cluster did not come up within ten seconds")
		}
	}
	place, err := session.OpenRedis(t.Context(), strings.TrimSuffix(server.URL, "/0")+"?addr="+options.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer place.Close()
	recordstest.Run(t, place, time.Sleep)
}

func TestRedisLosingAnEpochEndsSessions(t *testing.T) {
	server := portaltest.StartRedis(t)
	place := openRedis(t, server)
	before, err := place.Epoch(t.Context(), "S-7K2M9QXC/1")
	if err != nil {
		t.Fatal(err)
	}
	server.Flush()
	if after, err := place.Epoch(t.Context(), "S-7K2M9QXC/1"); err != nil || after <= before {
		t.Errorf("epoch %d after %d, %v", after, before, err)
	}
}

func TestRedisDownIsUnavailableAtOnce(t *testing.T) {
	t.Parallel()
	server := portaltest.StartRedis(t)
	place := openRedis(t, server)
	if err := place.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Ping":   func() error { return place.Ping(ctx) },
		"Load":   func() error { _, err := place.Load(ctx, "id"); return err },
		"Create": func() error { return place.Create(ctx, "id", "holder", []byte("x"), time.Minute) },
		"Update": func() error { _, err := place.Update(ctx, "id", nil, nil, time.Minute); return err },
		"Delete": func() error { return place.Delete(ctx, "id", "holder") },
		"List":   func() error { _, err := place.List(ctx, "holder"); return err },
		"Epoch":  func() error { _, err := place.Epoch(ctx, "holder"); return err },
		"Revoke": func() error { return place.Revoke(ctx, "holder") },
		"Put":    func() error { return place.PutNonce(ctx, "p", "n", time.Minute) },
		"Take":   func() error { _, err := place.TakeNonce(ctx, "p", "n"); return err },
		"Allow":  func() error { _, _, err := place.Allow(ctx, "k", 1, time.Second); return err },
	} {
		begin := time.Now()
		err := call()
		if portal.KindOf(err) != portal.Unavailable {
			t.Errorf("%s: %v, want Unavailable", name, err)
		}
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	server.Start()
	err := place.Ping(ctx)
	for deadline := time.Now().Add(3 * time.Second); err != nil && time.Now().Before(deadline); err = place.Ping(ctx) {
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Errorf("after Redis came back: %v", err)
	}
}

func TestRedisThatHangsIsUnavailableSoon(t *testing.T) {
	t.Parallel()
	server := portaltest.StartRedis(t)
	place := openRedis(t, server)
	if err := place.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Freeze()
	defer server.Thaw()
	begin := time.Now()
	if _, err := place.Load(t.Context(), "id"); portal.KindOf(err) != portal.Unavailable {
		t.Errorf("%v, want Unavailable", err)
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestRedisURLs(t *testing.T) {
	for _, address := range []string{
		"redis://u:secret@127.0.0.1:1/3",
		"rediss://u:secret@redis.example:6380/0?pool_size=5",
		"unix://u:secret@/run/redis.sock?db=1",
		"redis://127.0.0.1:1?addr=127.0.0.1:2&master_name=valise&username=u&password=secret",
		"redis://u:secret@127.0.0.1:1?addr=127.0.0.1:2&addr=127.0.0.1:3",
	} {
		place, err := session.OpenRedis(t.Context(), address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		place.Close()
	}
	for _, address := range []string{
		"", "http://u:secret@127.0.0.1", "redis://u:secret@127.0.0.1:1/x", "redis://u:secret@127.0.0.1:1/0?pol_size=5",
		"redis://u:secret@127.0.0.1:1?master_name=a&replicas=1", "redis://u:secret@127.0.0.1:1?addr=b&colour=red", "redis://u:sec%zzret@h",
	} {
		_, err := session.OpenRedis(t.Context(), address)
		if err == nil {
			t.Errorf("%s was accepted", address)
		} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "sec%") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}
