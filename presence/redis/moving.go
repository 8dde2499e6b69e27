package redis

import (
	"context"
	"slices"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// movePauses is how often commands are sent again whose keys are being moved
	// from one master to another, the first time after movePause, then after twice
	// as long each time.
	movePauses = 4
	movePause  = 5 * time.Millisecond
)

// exec sends commands, and again those that came upon keys on the move.
func (p *pipe) exec(ctx context.Context, cmds []*once) {
	p.execOnce(ctx, cmds)
	for i := range movePauses {
		list := onTheMove(cmds)
		if len(list) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(movePause << i):
		}
		for _, c := range list {
			c.SetErr(nil)
		}
		p.execOnce(ctx, list)
	}
}

// execOnce sends commands in one pipeline.
func (p *pipe) execOnce(ctx context.Context, cmds []*once) {
	pl := p.rdb.Pipeline()
	for _, c := range cmds {
		_ = pl.Process(ctx, c)
	}
	_, _ = pl.Exec(ctx) // each command has its own error
	for _, c := range cmds {
		c.land()
	}
}

// onTheMove are the commands that were not done since one of their keys has moved
// to another master and another has not: that passes in a moment. It leaves out
// those that came before one to the same slot that was done, and would now be done
// after it.
func onTheMove(cmds []*once) []*once {
	if !slices.ContainsFunc(cmds, func(c *once) bool { return goredis.IsTryAgainError(c.Err()) }) {
		return nil
	}
	var list []*once
	passed := map[string]bool{}
	for _, c := range slices.Backward(cmds) {
		tag := slotTag(keyOf(c.Cmder))
		if !goredis.IsTryAgainError(c.Err()) {
			passed[tag] = true
		} else if !passed[tag] {
			list = append(list, c)
		}
	}
	slices.Reverse(list)
	return list
}

// keyOf is the first key of a command, or "".
func keyOf(c goredis.Cmder) string {
	args, i := c.Args(), 1
	if name, _ := args[0].(string); name == "evalsha" || name == "eval" {
		i = 3
	}
	if i >= len(args) {
		return ""
	}
	key, _ := args[i].(string)
	return key
}

// slotTag is the part of a key that decides its slot.
func slotTag(key string) string {
	if _, after, ok := strings.Cut(key, "{"); ok {
		if tag, _, ok := strings.Cut(after, "}"); ok && tag != "" {
			return tag
		}
	}
	return key
}
