package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// maxHeader bounds the header of an answer, maxRead what is read of its body,
	// for the connection to be used again. Nothing is made of it.
	maxHeader = 16 << 10
	maxRead   = 64 << 10
)

// newClient makes the client of one endpoint. It follows no redirects: an event is
// for whom it was signed for.
func newClient(cfg Config) *http.Client {
	return &http.Client{
		Timeout: cfg.Timeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxConnsPerHost: cfg.Concurrency, MaxIdleConnsPerHost: cfg.Concurrency,
			IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: maxHeader, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// attempt posts an event and says what came of it.
func (c *courier) attempt(ctx context.Context, d Delivery) outcome {
	began := time.Now()
	status, after, err := c.post(ctx, &d)
	m := c.s.metrics
	m.seconds.WithLabelValues(c.label()).Observe(time.Since(began).Seconds())
	o := outcome{d: d, again: -1}
	switch {
	case err == nil && status/100 == 2:
		m.attempts.WithLabelValues(c.label(), "delivered").Inc()
		return o
	case err != nil && ctx.Err() != nil:
		o.again, o.broken = 0, true
		return o
	case status == http.StatusGone:
		m.attempts.WithLabelValues(c.label(), "refused").Inc()
		o.gone = true
		return o
	case err != nil:
		m.attempts.WithLabelValues(c.label(), "failed").Inc()
	default:
		m.attempts.WithLabelValues(c.label(), "refused").Inc()
	}
	o.failed = true
	o.again = c.backoff(d.Attempt)
	if after > 0 {
		o.rest, o.again = after, max(o.again, after)
	}
	c.log.Debug("a webhook was not taken", "id", d.ID, "type", d.Type, "attempt", d.Attempt, "status", status, "again", o.again, "error", err)
	if c.tooOld(&d, o.again) {
		o.again = -1
		c.giveUp(&d)
	}
	return o
}

// post sends an event. after is how long the endpoint wants to be left alone.
func (c *courier) post(ctx context.Context, d *Delivery) (status int, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.to.URL, bytes.NewReader(d.Body))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tandem")
	if err := c.sign(req.Header, d.ID, c.s.cfg.Now(), d.Body); err != nil {
		return 0, 0, err
	}
	res, err := c.client.Do(req)
	if err != nil {
		return 0, 0, withoutURL(err)
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxRead) // for the next request
	if res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable {
		after = min(retryAfter(res.Header.Get("Retry-After"), c.s.cfg.Now()), c.s.cfg.Window)
	}
	return res.StatusCode, after, nil
}

// withoutURL takes the URL, which may hold a secret, out of the error of a
// request.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// sign sets the headers of Standard Webhooks, with a signature for each secret.
func (c *courier) sign(h http.Header, id string, at time.Time, body []byte) error {
	var all []string
	for _, w := range c.signs {
		one, err := w.Sign(id, at, body)
		if err != nil {
			return fmt.Errorf("webhook: signing: %w", err)
		}
		all = append(all, one)
	}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("webhook-signature", strings.Join(all, " "))
	return nil
}

// retryAfter reads the header of that name (RFC 9110 §10.2.3): seconds or a date.
func retryAfter(v string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}

// Test posts a signed event of the type "tandem.test" to an endpoint, now, and
// says with what status it answered.
func Test(ctx context.Context, cfg Config, to Endpoint) (status int, err error) {
	cfg.Endpoints = []Endpoint{to}
	if err := cfg.Validate(); err != nil {
		return 0, err
	}
	c, err := newCourier(&Sender{cfg: cfg}, &to)
	if err != nil {
		return 0, err
	}
	defer c.client.CloseIdleConnections()
	now := cfg.Now()
	id := "evt_test" + strconv.FormatInt(now.UnixMilli(), 36)
	body := fmt.Appendf(nil, `{"type":"tandem.test","timestamp":%q,"id":%q,"data":{}}`, stamp(now), id)
	status, _, err = c.post(ctx, &Delivery{Entry: Entry{ID: id, Body: body}})
	return status, err
}
