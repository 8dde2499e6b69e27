package permit

import "time"

// breaker leaves an endpoint alone that has failed several times in a row. When it
// has rested, one question is let through: what becomes of it decides for all.
type breaker struct {
	limit int
	rest  time.Duration

	failures int
	until    time.Time // it rests until then; zero: it does not
	probing  bool
}

// ready reports whether a question may be asked.
func (b *breaker) ready(now time.Time) bool {
	return b.until.IsZero() || (!b.probing && !now.Before(b.until))
}

// asks notes that one is; probe: it is the one that finds out.
func (b *breaker) asks() (probe bool) {
	b.probing = !b.until.IsZero()
	return b.probing
}

func (b *breaker) worked() { b.failures, b.until, b.probing = 0, time.Time{}, false }

func (b *breaker) failed(now time.Time, probe bool) {
	b.failures++
	if probe {
		b.probing = false
	}
	if probe || (b.failures >= b.limit && b.until.IsZero()) {
		b.until = now.Add(b.rest)
	}
}

func (b *breaker) tripped() bool { return !b.until.IsZero() }
