package redis

import (
	"hash/fnv"
	"strconv"
)

// dueShards is how many sorted sets hold the timers of calls.
const dueShards = 4

// keys names every key. The part in braces is what decides the hash slot: all
// keys of one user, one call or one node are in one.
type keys struct{ prefix string }

// Of a user.
func (k keys) sessions(user string) string { return k.prefix + "{u:" + user + "}:sessions" } // hash: session id -> entry
func (k keys) info(user string) string     { return k.prefix + "{u:" + user + "}:info" }     // hash: online, until, seen, ver
func (k keys) cachers(user string) string  { return k.prefix + "{u:" + user + "}:cachers" }  // set of nodes that remember the routes
func (k keys) watchers(user string) string { return k.prefix + "{u:" + user + "}:watchers" } // set of nodes that watch
func (k keys) lost(user string) string     { return k.prefix + "{u:" + user + "}:lost" }     // hash: sessions of dead nodes, until Handler.Lost is through
func (k keys) mark(user string) string     { return k.prefix + "{u:" + user + "}:mark" }     // "<call id> <role>"
func (k keys) live(user string) string     { return k.prefix + "{u:" + user + "}:calls" }    // sorted set: "<call id> <role>" of live calls, by their start
func (k keys) last(user string) string     { return k.prefix + "{u:" + user + "}:last" }     // id of the call that ended last
func (k keys) byClient(user string) string { return k.prefix + "{u:" + user + "}:ids:" }     // + the client's own id -> call id
func (k keys) push(user string) string     { return k.prefix + "{u:" + user + "}:push" }     // hash: device -> subscription, as JSON

// anyPush is there while anybody has a subscription.
func (k keys) anyPush() string { return k.prefix + "{push}:any" }

// pushOwner is whose the browser is that has an endpoint, by the endpoint's hash.
func (k keys) pushOwner(endpoint string) string { return k.prefix + "{e:" + endpoint + "}" }

// Of a call.
func (k keys) call(id string) string { return k.prefix + "{c:" + id + "}" } // string: the call as package call encodes it

// Timers, in shards by call id: sorted sets of live calls by their deadline, and
// of calls that were handed out by Due or ended and not settled, by when to look at
// them again.
func (k keys) due(shard int) string { return k.prefix + "{due:" + strconv.Itoa(shard) + "}:live" }
func (k keys) unsettled(shard int) string {
	return k.prefix + "{due:" + strconv.Itoa(shard) + "}:ended"
}

func shardOf(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % dueShards)
}

// Of a node.
func (k keys) lease(node string) string        { return k.prefix + "{n:" + node + "}:lease" } // epoch, expires with the lease
func (k keys) inbox(node, epoch string) string { return k.prefix + "{n:" + node + "}:inbox:" + epoch }
func (k keys) users(node, epoch string) string { return k.prefix + "{n:" + node + "}:users:" + epoch } // set of users with sessions there

// Of all.
func (k keys) nodes() string    { return k.prefix + "{nodes}:leases" }   // sorted set: entry by end of lease
func (k keys) run() string      { return k.prefix + "{nodes}:run" }      // random: another one means that Redis was emptied
func (k keys) asserted() string { return k.prefix + "{nodes}:asserted" } // set: entries of nodes that have nothing to assert (any more)
func (k keys) burying(peer string) string {
	return k.prefix + "{nodes}:burying:" + peer // string: the entry of the node that buries that one
}

// The set of online users.
func (k keys) online() string        { return k.prefix + "{online}:users" }    // sorted set, all scores 0
func (k keys) onlineVers() string    { return k.prefix + "{online}:versions" } // hash: user -> version
func (k keys) onlineGone() string    { return k.prefix + "{online}:gone" }     // sorted set: user by version of the removal
func (k keys) onlineCounter() string { return k.prefix + "{online}:version" }  // string: another number for every other set

// graces is a sorted set: user by the end of the grace.
func (k keys) graces() string { return k.prefix + "{graces}" }

// The two that operators know (P6), each with versions beside it.
const (
	mirrorOnline  = "onlineUsers" // set of user ids
	mirrorSockets = "sockets"     // hash: user id -> newest live session id
)

func (k keys) mirrorVers(mirror string) string { return k.prefix + "{" + mirror + "}:versions" }
func (k keys) mirrorGone(mirror string) string { return k.prefix + "{" + mirror + "}:gone" }
