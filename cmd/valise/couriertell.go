package main

import (
	"context"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"valise/portal/session"
	"valise/portal/watch"
)

// tell returns what tells the portal's nodes that something about a notice changed, so that open pages of staff show within a second that a mail was sent, came back, or acknowledged
// something. They hear of it over Redis: the number of the notice, and nothing else. Without Redis nobody is told, and pages show it when they look again. end is called last.
func (c *CourierCommand) tell(ctx context.Context, log *slog.Logger) (told func(topics ...string), end func(), err error) {
	url, err := setting("redis", c.Redis, c.RedisFile)
	if err != nil {
		return nil, nil, err
	}
	if url == "" {
		return func(...string) {}, func() {}, nil
	}
	redis.SetLogger(redisLog{log})
	client, err := session.OpenRedis(ctx, url)
	if err != nil {
		return nil, nil, err
	}
	w := watch.OverRedis(client.Client(), log)
	return w.Tell, func() { w.Close(); client.Close() }, nil
}
