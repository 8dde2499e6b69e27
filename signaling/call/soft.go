package call

import "bytes"

// Soft reports whether next, a later version of old, differs from it only in
// what need not be stored for the call to go on: its numbers, its outbox, what
// devices have seen, and whether an extended device has its answer. Such a
// version may stay with the node that made it: if that dies, a base device may
// be given a signal twice, and nothing else is different. MergeSeen brings the
// two together again when another node has stored a version meanwhile.
//
// Every signal of an answered call asks this: fields are compared one by one,
// and long lists only by their place in memory, which Step does not change
// when it does not change them.
func Soft(old, next *Call) bool {
	return old.State == next.State && old.Reason == next.Reason &&
		softParty(&old.Caller, &next.Caller) && softParty(&old.Callee, &next.Callee) &&
		sameRung(old.Rung, next.Rung) && sameRung(old.Left, next.Left) &&
		sameKept(old.Offers, next.Offers) && sameKept(old.Kept, next.Kept) && old.KeptBytes == next.KeptBytes &&
		old.Offline == next.Offline && old.Cold == next.Cold && old.Waiting == next.Waiting && old.Told == next.Told &&
		old.Started == next.Started && old.AnswerAt == next.AnswerAt && old.EndAt == next.EndAt &&
		old.RingUntil == next.RingUntil && old.Next == next.Next && old.Limits == next.Limits &&
		old.ID == next.ID && old.ClientID == next.ClientID && sameInfo(&old.Info, &next.Info)
}

func softParty(a, b *Party) bool {
	return a.Device == b.Device && a.Session == b.Session && a.User == b.User && a.Extended == b.Extended &&
		a.AwayUntil == b.AwayUntil && a.Heard == b.Heard && a.SDP == b.SDP &&
		(a.Satisfied == b.Satisfied || a.Extended)
}

func sameInfo(a, b *Info) bool {
	return a.CallerName == b.CallerName && a.Video == b.Video && sameBytes(a.From, b.From) && sameBytes(a.Metadata, b.Metadata)
}

// short is up to how many entries lists are compared by what is in them.
const short = 8

func sameRung(a, b []Rung) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 0 || &a[0] == &b[0] {
		return true
	}
	if len(a) > short {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func sameKept(a, b []Kept) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 0 || &a[0] == &b[0] {
		return true
	}
	if len(a) > short {
		return false
	}
	for i := range a {
		x, y := &a[i], &b[i]
		if x.To != y.To || x.From != y.From || x.Kind != y.Kind || x.Hash != y.Hash || x.Again != y.Again || !sameBytes(x.Signal, y.Signal) {
			return false
		}
	}
	return true
}

func sameBytes(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || bytes.Equal(a, b))
}

// MergeSeen adds to into what the devices have seen by from, another version of
// the same call, where they hold the same sides. It writes to into, which must
// belong to the caller; slices are copied.
func MergeSeen(into, from *Call) {
	mergeSeen(&into.Caller, &from.Caller)
	mergeSeen(&into.Callee, &from.Callee)
}

func mergeSeen(into, from *Party) {
	if into.Device != from.Device || into.User != from.User {
		return
	}
	n := len(into.Seen)
	if n == len(from.Seen) && (n == 0 || &into.Seen[0] == &from.Seen[0]) {
		return
	}
	all := into.Seen[:n:n] // append copies
	for _, x := range from.Seen {
		if !all.has(x) {
			all = append(all, x)
		}
	}
	if more := len(all) - maxSeen; more > 0 {
		all = all[more:]
	}
	into.Seen = all
}
