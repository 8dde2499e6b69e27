// Package redis is the outbox of webhooks that many nodes share. All that belongs
// to one endpoint is in one hash slot; time is Redis' own.
package redis

import (
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/signaling/webhook"
)

var _ webhook.Outbox = (*Outbox)(nil)

//go:embed lua/*.lua
var sources embed.FS

// Each script is one file of lua/, behind what they share.
var (
	putScript    = script("put")
	claimScript  = script("claim")
	settleScript = script("settle")
	sweepScript  = script("sweep")
	switchScript = script("switch")
)

func script(name string) *goredis.Script {
	var b strings.Builder
	for _, f := range []string{"lib_queue", name} {
		text, err := sources.ReadFile("lua/" + f + ".lua")
		if err != nil {
			panic("webhook/redis: no script " + f) // at the start of every program that links it
		}
		b.Write(text)
	}
	return goredis.NewScript(b.String())
}

// Config of an Outbox. Zero values take the defaults named.
type Config struct {
	// Prefix of all keys ("tandem:").
	Prefix string
	// Max is how many events may wait for one endpoint (100,000).
	Max int
	// Keep is how long the keys of an endpoint stay that nobody posts to any more
	// (48 h).
	Keep time.Duration
}

// Outbox keeps events in Redis.
type Outbox struct {
	cfg Config
	rdb goredis.UniversalClient
}

// New makes an outbox, which closes the client with it.
func New(cfg Config, rdb goredis.UniversalClient) *Outbox {
	if cfg.Prefix == "" {
		cfg.Prefix = "tandem:"
	}
	if cfg.Max == 0 {
		cfg.Max = 100_000
	}
	if cfg.Keep == 0 {
		cfg.Keep = 48 * time.Hour
	}
	return &Outbox{cfg: cfg, rdb: rdb}
}

// Keys lists the keys of an endpoint, in the order in which scripts have them.
func Keys(prefix, endpoint string) []string {
	names := []string{"items", "next", "newest", "due", "tries", "seen", "state"}
	for i, n := range names {
		names[i] = prefix + "{wh:" + endpoint + "}:" + n
	}
	return names
}

func (b *Outbox) run(ctx context.Context, s *goredis.Script, endpoint string, args ...any) *goredis.Cmd {
	return s.Run(ctx, b.rdb, Keys(b.cfg.Prefix, endpoint), args...)
}

func (b *Outbox) keep() int64 { return b.cfg.Keep.Milliseconds() }

// maxPut is how many entries one call of put.lua takes.
const maxPut = 200

// Put adds entries that are new.
func (b *Outbox) Put(ctx context.Context, endpoint string, list []webhook.Entry) (st webhook.Stored, err error) {
	for len(list) > 0 {
		part := list[:min(len(list), maxPut)]
		list = list[len(part):]
		args := make([]any, 0, 3+3*len(part))
		args = append(args, b.cfg.Max, webhook.Memory.Milliseconds(), b.keep())
		for i := range part {
			args = append(args, part[i].ID, part[i].Lane, pack(&part[i]))
		}
		n, err := b.run(ctx, putScript, endpoint, args...).Int64Slice()
		if err != nil || len(n) != 2 {
			return st, wrap(err)
		}
		if n[0] < 0 {
			st.Off = true
			return st, nil
		}
		st.Added += int(n[0])
		st.Dropped += int(n[1])
	}
	return st, nil
}

// Claim takes what is due.
func (b *Outbox) Claim(ctx context.Context, endpoint string, n int, lease time.Duration) ([]webhook.Delivery, error) {
	flat, err := b.run(ctx, claimScript, endpoint, n, lease.Milliseconds(), b.keep()).Slice()
	if err != nil || len(flat)%3 != 0 {
		return nil, wrap(err)
	}
	list := make([]webhook.Delivery, 0, len(flat)/3)
	for i := 0; i < len(flat); i += 3 {
		seq, _ := flat[i].(int64)
		tries, _ := flat[i+1].(int64)
		item, _ := flat[i+2].(string)
		d := webhook.Delivery{Seq: seq, Attempt: int(tries)}
		if d.Entry, err = unpack(item); err != nil { // nobody will ever be able to
			if err := b.Settle(ctx, endpoint, []webhook.Result{{Seq: seq, Again: -1}}, 0); err != nil {
				return list, err
			}
			continue
		}
		list = append(list, d)
	}
	return list, nil
}

// Settle says what became of claimed entries.
func (b *Outbox) Settle(ctx context.Context, endpoint string, list []webhook.Result, rest time.Duration) error {
	args := make([]any, 0, 2+2*len(list))
	args = append(args, rest.Milliseconds(), b.keep())
	for _, r := range list {
		again := int64(-1)
		if r.Again >= 0 {
			again = r.Again.Milliseconds()
		}
		args = append(args, r.Seq, again)
	}
	return wrap(b.run(ctx, settleScript, endpoint, args...).Err())
}

// sweepBatch is how many entries one call of sweep.lua drops.
const sweepBatch = 1000

// Sweep drops what is too old.
func (b *Outbox) Sweep(ctx context.Context, endpoint string, age time.Duration) (dropped, waiting int, err error) {
	for {
		n, err := b.run(ctx, sweepScript, endpoint, age.Milliseconds(), sweepBatch).Int64Slice()
		if err != nil || len(n) != 2 {
			return dropped, waiting, wrap(err)
		}
		dropped, waiting = dropped+int(n[0]), int(n[1])
		if n[0] < sweepBatch {
			return dropped, waiting, nil
		}
	}
}

// Switch turns an endpoint off or on.
func (b *Outbox) Switch(ctx context.Context, endpoint string, on bool) error {
	flag := "0"
	if on {
		flag = "1"
	}
	return wrap(b.run(ctx, switchScript, endpoint, flag, b.keep()).Err())
}

// Close closes the client.
func (b *Outbox) Close() error { return b.rdb.Close() }

var errOdd = errors.New("webhook/redis: odd entry")

func wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, goredis.ErrClosed):
		return webhook.ErrClosed
	}
	return fmt.Errorf("webhook/redis: %w", err)
}

// pack writes an entry: what scripts read of it, then id, type and body, the first
// two with their length before them.
func pack(e *webhook.Entry) []byte {
	b := strconv.AppendInt(make([]byte, 0, len(e.Body)+len(e.Lane)+96), e.Created.UnixMilli(), 10)
	b = append(b, '|')
	b = strconv.AppendInt(b, int64(len(e.Lane)), 10)
	b = append(append(b, '|'), e.Lane...)
	for _, s := range []string{e.ID, e.Type} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return append(b, e.Body...)
}

func unpack(item string) (e webhook.Entry, err error) {
	created, rest, ok1 := strings.Cut(item, "|")
	size, rest, ok2 := strings.Cut(rest, "|")
	ms, err1 := strconv.ParseInt(created, 10, 64)
	n, err2 := strconv.Atoi(size)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || n < 0 || n > len(rest) {
		return e, errOdd
	}
	e.Created, e.Lane, rest = time.UnixMilli(ms), rest[:n], rest[n:]
	for _, s := range []*string{&e.ID, &e.Type} {
		n, w := binary.Uvarint([]byte(rest[:min(len(rest), binary.MaxVarintLen64)]))
		if w <= 0 || n > uint64(len(rest)-w) {
			return e, errOdd
		}
		*s, rest = rest[w:w+int(n)], rest[w+int(n):]
	}
	e.Body = []byte(rest)
	return e, nil
}
