package permit

import (
	"container/list"
	"time"
)

// answers remembers the answers that were asked for last, a bounded number.
type answers struct {
	max   int
	by    map[Question]*list.Element
	order *list.List // of *remembered, the last used in front
}

type remembered struct {
	q      Question
	answer Answer
	until  time.Time
}

func newAnswers(limit int) *answers {
	return &answers{max: limit, by: map[Question]*list.Element{}, order: list.New()}
}

func (c *answers) get(q Question, now time.Time) (Answer, bool) {
	e := c.by[q]
	if e == nil {
		return Answer{}, false
	}
	r := e.Value.(*remembered)
	if !now.Before(r.until) {
		c.drop(e)
		return Answer{}, false
	}
	c.order.MoveToFront(e)
	return r.answer, true
}

func (c *answers) put(q Question, a Answer, until time.Time, ttl time.Duration) {
	if e := c.by[q]; e != nil {
		c.drop(e)
	}
	if ttl <= 0 {
		return
	}
	c.by[q] = c.order.PushFront(&remembered{q, a, until})
	if len(c.by) > c.max {
		c.drop(c.order.Back())
	}
}

func (c *answers) drop(e *list.Element) {
	r := c.order.Remove(e).(*remembered)
	delete(c.by, r.q)
}
