package session

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"valise/portal"
)

// Redis implements Records, Nonces and Limits. Use OpenRedis or NewRedis.
//
// Keys, each with an expiry, grouped by hash tag so that they work in a Cluster:
//
//	valise:session:{ID HASH}  the record, JSON
//	valise:held:{HOLDER}      sorted set: the holder's id hashes, by when they end at the latest
//	valise:epoch:{HOLDER}     number
//	valise:nonce:{HASH}       "1"
//	valise:limit:{KEY}        theoretical arrival time of GCRA, microseconds
//
// Nothing here has to survive: after a flush everybody logs in again. A server that evicts ("maxmemory-policy" other than
// noeviction) ends sessions early, and never brings a revoked one back. Replicas follow their master a moment later, so a
// revocation in the very moment of a failover can be lost with it; sessions of that moment can come back then until they expire.
type Redis struct {
	client   redis.UniversalClient
	turns    chan struct{} // one for each call under way
	answered atomic.Int64  // when a call came to an end by itself last, Unix nanoseconds
}

// NewRedis uses a client. It must have time limits of its own; OpenRedis's has.
func NewRedis(client redis.UniversalClient) *Redis {
	return &Redis{client: client, turns: make(chan struct{}, 10*runtime.GOMAXPROCS(0))} // as many as go-redis has connections
}

// turn waits for one's turn, and lets the time of the call begin only then. When thousands come in one moment, each call to Redis is as quick as ever, and it is the
// waiting for a connection that takes long: that is no reason to say that Redis is down. As long as it answers others, one waits. Otherwise what is returned is
// over already, and the call fails. The function ends the turn.
func (d *Redis) turn(ctx context.Context) (context.Context, context.CancelFunc) {
	began := time.Now()
	for taken := false; !taken; {
		patience := time.NewTimer(callTime / 4)
		select {
		case d.turns <- struct{}{}:
			taken = true
		case <-ctx.Done():
			patience.Stop()
			return ctx, func() {}
		case <-patience.C:
			if now := time.Now(); now.Sub(began) > callTime && now.Sub(time.Unix(0, d.answered.Load())) > callTime {
				return context.WithDeadline(ctx, now)
			}
		}
		patience.Stop()
	}
	limited, cancel := context.WithTimeout(ctx, callTime)
	return limited, func() {
		if limited.Err() == nil {
			d.answered.Store(time.Now().UnixNano())
		}
		cancel()
		<-d.turns
	}
}

// Time limits: with Redis down, a request is answered (503) within about callTime.
const (
	dialTime = time.Second
	wireTime = time.Second
	callTime = 2 * time.Second
)

// OpenRedis reads one of these URLs; redis:// is without TLS, rediss:// with:
//
//	redis://USER:PASSWORD@HOST:6379/0                                            one server
//	unix://USER:PASSWORD@/run/redis.sock?db=0                                    the same, by socket
//	redis://HOST:26379?addr=HOST2:26379&master_name=NAME&username=U&password=P   Sentinels, and the name of what they watch
//	redis://USER:PASSWORD@HOST:6379?addr=HOST2:6379&addr=HOST3:6379              Cluster: two nodes or more to start from
//
// Other parameters are go-redis's (pool_size, …). It does not connect: a portal starts, and serves what is public, while
// Redis is down; back again, Redis is found within a second. An error is about the URL, and doesn't repeat it, since it may hold a
// password. go-redis writes connection problems to standard error, too, which callers learn as errors anyway: a program that
// logs in a form of its own calls redis.SetLogger.
func OpenRedis(ctx context.Context, address string) (*Redis, error) {
	client, err := redisClient(address)
	if err != nil {
		return nil, err
	}
	return NewRedis(client), nil
}

func redisClient(address string) (redis.UniversalClient, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the Redis URL can't be read; it looks like redis://user:password@host:6379/0")
	}
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	switch query := u.Query(); {
	case query.Has("master_name"):
		o, err := redis.ParseFailoverURL(address)
		if err != nil {
			return nil, badRedisURL(err)
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialTime, wireTime, wireTime, wireTime
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = 1, 1, true
		return redis.NewFailoverClient(o), nil
	case query.Has("addr"):
		o, err := redis.ParseClusterURL(address)
		if err != nil {
			return nil, badRedisURL(err)
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialTime, wireTime, wireTime, wireTime
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = 1, 1, true
		o.MaintNotificationsConfig = quiet
		return redis.NewClusterClient(o), nil
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, badRedisURL(err)
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialTime, wireTime, wireTime, wireTime
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = 1, 1, true
	o.MaintNotificationsConfig = quiet
	return redis.NewClient(o), nil
}

func badRedisURL(err error) error {
	var parse *url.Error
	if errors.As(err, &parse) { // repeats the URL
		err = parse.Err
	}
	return fmt.Errorf("the Redis URL is wrong: %w", err)
}

// Ping says whether Redis answers: for /readyz.
func (d *Redis) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return unavailable(d.client.Ping(ctx).Err())
}

// Client is what goes over these connections, for what else does: package watch.
func (d *Redis) Client() redis.UniversalClient { return d.client }

// Close gives up the connections.
func (d *Redis) Close() error { return d.client.Close() }

// unavailable is what becomes of every error of Redis: whoever asked is told that log-in is down, and never that nobody is logged in.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return portal.Errorf(portal.Unavailable, "sessions-unavailable",
		"We can't check who is logged in at the moment. What is public can be read; try the rest again in a minute.").Because(err)
}

func sessionKey(idHash string) string { return "valise:session:{" + idHash + "}" }
func heldKey(holder string) string    { return "valise:held:{" + holder + "}" }
func epochKey(holder string) string   { return "valise:epoch:{" + holder + "}" }

// ------------------------------------------------------------------ records

// holderTime is how long what is kept per holder must live: longer than any of the holder's sessions.
const holderTime = AbsoluteTimeout + IdleTimeout

// microseconds is the clock of the scripts, as a number that a double holds exactly and in print.
const microseconds = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local function whole(n) return string.format('%.0f', n) end
`

// epochScript returns a holder's epoch. One that isn't there, perhaps evicted, starts at the present time in microseconds: no session
// from before has that, so losing an epoch ends sessions.
var epochScript = redis.NewScript(microseconds + `
local epoch = redis.call('GET', KEYS[1])
if not epoch then
	epoch = whole(now)
	redis.call('SET', KEYS[1], epoch, 'PX', ARGV[1])
end
return epoch
`)

// holdScript notes a session under its holder, drops those that have ended, and lets epoch and notes outlive it.
var holdScript = redis.NewScript(microseconds + `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', whole(now))
redis.call('ZADD', KEYS[1], whole(now + ARGV[2] * 1000), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
`)

// createScript creates a record. Finding the very same one means that the client asked again because the first answer was lost.
var createScript = redis.NewScript(`
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
return 0
`)

// updateScript is compare-and-set on a record that exists. When the client asks again because the first answer was lost, it fails, and
// the change is made once more on what is there: changes are such that this does no harm.
var updateScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'XX', 'PX', ARGV[3])
return 1
`)

// revokeScript raises the epoch and returns the sessions noted under the holder.
var revokeScript = redis.NewScript(microseconds + `
local epoch = redis.call('GET', KEYS[2])
local raised = now
if epoch and tonumber(epoch) >= raised then raised = tonumber(epoch) + 1 end
redis.call('SET', KEYS[2], whole(raised), 'PX', ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)
`)

// Load implements Records.
func (d *Redis) Load(ctx context.Context, idHash string) ([]byte, error) {
	ctx, cancel := d.turn(ctx)
	defer cancel()
	data, err := d.client.Get(ctx, sessionKey(idHash)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return data, unavailable(err)
}

// Create implements Records. The note under the holder is written first: a note without a record does no harm.
func (d *Redis) Create(ctx context.Context, idHash, holder string, data []byte, ttl time.Duration) error {
	ctx, cancel := d.turn(ctx)
	defer cancel()
	if err := holdScript.Run(ctx, d.client, []string{heldKey(holder), epochKey(holder)}, idHash, holderTime.Milliseconds()).Err(); err != nil {
		return unavailable(err)
	}
	created, err := createScript.Run(ctx, d.client, []string{sessionKey(idHash)}, data, milliseconds(ttl)).Bool()
	if err != nil {
		return unavailable(err)
	}
	if !created {
		return errors.New("session: a record of this id exists")
	}
	return nil
}

// Update implements Records.
func (d *Redis) Update(ctx context.Context, idHash string, old, data []byte, ttl time.Duration) (bool, error) {
	ctx, cancel := d.turn(ctx)
	defer cancel()
	kept, err := updateScript.Run(ctx, d.client, []string{sessionKey(idHash)}, old, data, milliseconds(ttl)).Bool()
	return kept && err == nil, unavailable(err)
}

// Delete implements Records.
func (d *Redis) Delete(ctx context.Context, idHash, holder string) error {
	ctx, cancel := d.turn(ctx)
	defer cancel()
	if err := d.client.Del(ctx, sessionKey(idHash)).Err(); err != nil {
		return unavailable(err)
	}
	return unavailable(d.client.ZRem(ctx, heldKey(holder), idHash).Err())
}

// List implements Records.
func (d *Redis) List(ctx context.Context, holder string) (map[string][]byte, error) {
	ctx, cancel := d.turn(ctx)
	defer cancel()
	held, err := d.client.ZRange(ctx, heldKey(holder), 0, -1).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	found := make(map[string][]byte, len(held))
	if len(held) == 0 {
		return found, nil
	}
	answers := make(map[string]*redis.StringCmd, len(held))
	_, err = d.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, idHash := range held {
			answers[idHash] = p.Get(ctx, sessionKey(idHash))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, unavailable(err)
	}
	for idHash, answer := range answers {
		switch data, err := answer.Bytes(); {
		case err == nil:
			found[idHash] = data
		case !errors.Is(err, redis.Nil):
			return nil, unavailable(err)
		}
	}
	return found, nil
}

// Epoch implements Records.
func (d *Redis) Epoch(ctx context.Context, holder string) (int64, error) {
	ctx, cancel := d.turn(ctx)
	defer cancel()
	epoch, err := epochScript.Run(ctx, d.client, []string{epochKey(holder)}, holderTime.Milliseconds()).Int64()
	return epoch, unavailable(err)
}

// Revoke implements Records. The epoch alone ends the sessions; deleting them is tidying up.
func (d *Redis) Revoke(ctx context.Context, holder string) error {
	ctx, cancel := d.turn(ctx)
	defer cancel()
	held, err := revokeScript.Run(ctx, d.client, []string{heldKey(holder), epochKey(holder)}, holderTime.Milliseconds()).StringSlice()
	if err != nil {
		return unavailable(err)
	}
	if len(held) == 0 {
		return nil
	}
	_, err = d.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, idHash := range held {
			p.Del(ctx, sessionKey(idHash))
			p.ZRem(ctx, heldKey(holder), idHash)
		}
		return nil
	})
	return unavailable(err)
}

// ------------------------------------------------------------------ nonces

func nonceKey(purpose, nonce string) string { return "valise:nonce:{" + purpose + ":" + nonce + "}" }

// PutNonce implements Nonces.
func (d *Redis) PutNonce(ctx context.Context, purpose, nonce string, ttl time.Duration) error {
	ctx, cancel := d.turn(ctx)
	defer cancel()
	return unavailable(d.client.Set(ctx, nonceKey(purpose, nonce), "1", ttl).Err())
}

// TakeNonce implements Nonces: of several at once, one deletes it.
func (d *Redis) TakeNonce(ctx context.Context, purpose, nonce string) (bool, error) {
	ctx, cancel := d.turn(ctx)
	defer cancel()
	deleted, err := d.client.Del(ctx, nonceKey(purpose, nonce)).Result()
	return deleted == 1 && err == nil, unavailable(err)
}

// ------------------------------------------------------------------ limits

// limitScript is GCRA (the virtual scheduling form, ITU-T I.371): the key holds when the next act would be due if acts came
// evenly; an act may come up to a burst ahead of that.
var limitScript = redis.NewScript(microseconds + `
local burst, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = tonumber(redis.call('GET', KEYS[1]) or now)
if due < now then due = now end
local next = due + period
local wait = next - burst * period - now
if wait > 0 then return whole(wait) end
redis.call('SET', KEYS[1], whole(next), 'PX', whole(math.ceil((next - now) / 1000)))
return '0'
`)

// Allow implements Limits.
func (d *Redis) Allow(ctx context.Context, key string, burst int, period time.Duration) (ok bool, retryAfter time.Duration, err error) {
	ctx, cancel := d.turn(ctx)
	defer cancel()
	wait, err := limitScript.Run(ctx, d.client, []string{"valise:limit:{" + key + "}"}, burst, period.Microseconds()).Int64()
	if err != nil {
		return false, 0, unavailable(err)
	}
	return wait == 0, time.Duration(wait) * time.Microsecond, nil
}

// milliseconds rounds up: Redis refuses an expiry of 0.
func milliseconds(ttl time.Duration) int64 {
	return max(1, int64((ttl+time.Millisecond-1)/time.Millisecond))
}
