package redis

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"
)

// tally is what a store has done since its start.
type tally struct {
	buried  atomic.Uint64 // dead nodes whose sessions this node took away
	emptied atomic.Uint64 // times that Redis had lost everything
	inbox   atomic.Int64  // entries in this node's inbox when it was looked at last
}

// Metrics are those of the store and its bus, to be registered once. What they
// show is read when they are collected; Redis is not asked.
func (s *Store) Metrics() prometheus.Collector { return collector{s} }

type collector struct{ s *Store }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tandem_"+name, help, labels, nil)
}

var (
	descDegraded = desc("redis_degraded", "1 while Redis is away and this node works alone.")
	descOutages  = desc("redis_outages_total", "Times that Redis went away, by what was noticed.", "reason")
	descEmptied  = desc("redis_emptied_total", "Times that Redis had lost everything and was told again.")
	descTrips    = desc("redis_round_trips_total", "Pipelines sent to Redis.")
	descCommands = desc("redis_commands_total", "Commands in these pipelines: divided by the round trips it is the size of a batch.")
	descQueue    = desc("redis_queue", "Orders that wait for the pipeline in flight.")
	descReloads  = desc("redis_scripts_reloaded_total", "Calls of scripts that Redis did not know any more.")
	descHits     = desc("redis_routes_hits_total", "Questions for a user's routes that were answered from memory.")
	descMisses   = desc("redis_routes_misses_total", "Questions for a user's routes for which Redis was asked.")
	descRoutes   = desc("redis_routes_cached", "Users whose routes are remembered.")
	descNodes    = desc("redis_nodes", "Nodes that hold a lease, this one included.")
	descBuried   = desc("redis_nodes_buried_total", "Dead nodes whose sessions this node took away.")

	descInbox    = desc("bus_inbox_entries", "Entries in this node's inbox, read ones that are not trimmed yet included; looked at once a second.")
	descBatches  = desc("bus_batches_total", "Batches of payloads sent to other nodes.")
	descSent     = desc("bus_sent_total", "Payloads sent to other nodes.")
	descAgain    = desc("bus_again_total", "Payloads sent again, since nothing confirmed them.")
	descRefused  = desc("bus_refused_total", "Payloads not sent: the node dead, its inbox full, or Redis away.")
	descReceived = desc("bus_received_total", "Payloads from other nodes.")
	descRepeated = desc("bus_repeated_total", "Payloads that came a second time and were dropped.")
	descGaps     = desc("bus_gaps_total", "Times that a payload was missing and asked for.")
	descSkipped  = desc("bus_skipped_total", "Entries that this release can not read.")
	descKept     = desc("bus_unconfirmed_bytes", "Bytes of payloads that other nodes have not confirmed.")
	descTrunks   = desc("bus_trunks", "Other nodes that this one sends to straight, not by way of their inboxes.")
	descDeaf     = desc("bus_deaf", "1 while what is written to this node's inbox does not reach it, though Redis is there.")
	descReread   = desc("bus_reread_total", "Times that the inbox was read anew because nothing came out of it.")
)

// Describe lists what is collected.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descDegraded, descOutages, descEmptied, descTrips, descCommands, descQueue, descReloads, descHits, descMisses,
		descRoutes, descNodes, descBuried, descInbox, descBatches, descSent, descAgain, descRefused, descReceived,
		descRepeated, descGaps, descSkipped, descKept, descTrunks, descDeaf, descReread,
	} {
		ch <- d
	}
}

// Collect reads the counters.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	s := c.s
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	flag := func(d *prometheus.Desc, on bool) {
		v := 0.0
		if on {
			v = 1
		}
		gauge(d, v)
	}
	flag(descDegraded, s.health.isDown())
	for reason, n := range s.health.outages() {
		counter(descOutages, n, reason)
	}
	counter(descEmptied, s.tally.emptied.Load())
	counter(descTrips, s.pipe.trips.Load())
	counter(descCommands, s.pipe.commands.Load())
	gauge(descQueue, float64(s.pipe.waiting()))
	counter(descReloads, s.pipe.reloads.Load())
	hits, misses, size := s.routes.counts()
	counter(descHits, hits)
	counter(descMisses, misses)
	gauge(descRoutes, float64(size))
	gauge(descNodes, float64(len(s.Nodes())))
	counter(descBuried, s.tally.buried.Load())

	b := s.BusStats()
	gauge(descInbox, float64(s.tally.inbox.Load()))
	counter(descBatches, b.Batches)
	counter(descSent, b.Letters)
	counter(descAgain, b.Again)
	counter(descRefused, b.Refused)
	counter(descReceived, b.Received)
	counter(descRepeated, b.Repeated)
	counter(descGaps, b.Gaps)
	counter(descSkipped, b.Skipped)
	gauge(descKept, float64(s.bus.unconfirmed()))
	gauge(descTrunks, float64(s.bus.stats.trunks.Load()))
	flag(descDeaf, s.bus.knocks.deaf.Load())
	counter(descReread, s.bus.knocks.rereads.Load())
}

// unconfirmed is how much is kept for others.
func (b *bus) unconfirmed() (n int) {
	for _, o := range *b.outlets.Load() {
		o.mu.Lock()
		n += o.bytes
		o.mu.Unlock()
	}
	return n
}

// waiting is how many orders wait.
func (p *pipe) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}

// counts says how often the routes were known, and of how many users they are.
func (c *routes) counts() (hits, misses uint64, size int) {
	for i := range c.shards {
		sh := &c.shards[i]
		hits += sh.hits.Load()
		misses += sh.misses.Load()
		sh.mu.RLock()
		size += len(sh.users)
		sh.mu.RUnlock()
	}
	return hits, misses, size
}

// outages are how often Redis went away, by reason.
func (h *health) outages() map[string]uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := make(map[string]uint64, len(h.reasons))
	for k, v := range h.reasons {
		m[k] = v
	}
	return m
}

// outageReason sorts what was noticed into a few kinds, so that it can be a
// label.
func outageReason(err error) string {
	var reply goredis.Error
	var netErr net.Error
	switch {
	case errors.Is(err, errEmptied):
		return "emptied"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return "timeout"
	case !errors.As(err, &reply):
		return "connection"
	}
	word, _, _ := strings.Cut(reply.Error(), " ")
	switch word {
	case "LOADING", "CLUSTERDOWN", "READONLY", "MASTERDOWN", "NOREPLICAS", "OOM", "MISCONF", "TRYAGAIN", "BUSY", "STALE":
		return strings.ToLower(word)
	case "MOVED", "ASK":
		return "moved"
	case "NOAUTH", "WRONGPASS", "NOPERM":
		return "denied"
	}
	return "other"
}
