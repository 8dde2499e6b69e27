// Package redis implements presence on Redis 7 (single, Sentinel or Cluster;
// Valkey too), for many nodes.
//
// All keys are named in keys.go and described in docs/redis.md. What has to be
// atomic is a Lua script in lua/, each within one hash slot, and none of them
// knows a call rule. Commands of all goroutines are gathered into pipelines that
// fill while one is in flight (pipe.go). When Redis is away, commands fail at
// once instead of piling up (health.go), the node goes on with what is local to
// it, and asserts its sessions and calls anew when Redis is back (assert.go).
package redis
