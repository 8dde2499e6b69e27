package push

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	webpush "github.com/SherClockHolmes/webpush-go"
)

// outcome is what became of a push.
type outcome string

const (
	accepted outcome = "accepted"
	gone     outcome = "gone"    // the subscription is no more (RFC 8030 §7.3)
	refused  outcome = "refused" // asking again would not help
	failed   outcome = "failed"  // it might
	expired  outcome = "expired" // nobody wants it any more
)

type result struct {
	outcome outcome
	after   time.Duration // before which the push service wants no other try
	status  int           // 0: none
	err     error
}

// send posts one push.
func (s *Service) send(j *job, sub Subscription) result {
	left := j.until.Sub(s.cfg.Now())
	if left <= 0 {
		return result{outcome: expired}
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.Timeout)
	defer cancel()
	if s.stale(ctx, j) {
		return result{outcome: expired}
	}
	urgency := webpush.UrgencyNormal
	if j.urgent {
		urgency = webpush.UrgencyHigh
	}
	resp, err := webpush.SendNotificationWithContext(ctx, j.body,
		&webpush.Subscription{Endpoint: sub.Endpoint, Keys: webpush.Keys{Auth: sub.Keys.Auth, P256dh: sub.Keys.P256dh}},
		&webpush.Options{
			HTTPClient: s.client, Subscriber: strings.TrimPrefix(s.cfg.Subject, "mailto:"), Topic: j.topic,
			TTL: int(math.Ceil(left.Seconds())), Urgency: urgency,
			VAPIDPublicKey: s.cfg.Key.Public, VAPIDPrivateKey: s.cfg.Key.Private,
		})
	if err != nil {
		err = withoutURL(err)
		switch {
		case s.ctx.Err() != nil:
			return result{outcome: expired}
		case errors.Is(err, errPrivate), errors.Is(err, webpush.ErrMaxPadExceeded):
			return result{outcome: refused, err: err}
		}
		return result{outcome: failed, err: err}
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // to use the connection again
	return verdict(resp.StatusCode, resp.Header.Get("Retry-After"), s.cfg.Now())
}

// atOnce is how old a ring may be that is pushed without a look whether the call
// still rings.
const atOnce = time.Second

// stale reports whether a job rings for a call that does not ring any more.
func (s *Service) stale(ctx context.Context, j *job) bool {
	if j.call == "" || s.cfg.Rings == nil || j.tries == 0 && s.cfg.Now().Sub(j.began) < atOnce {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTime)
	defer cancel()
	rings, err := s.cfg.Rings(ctx, j.call)
	return err == nil && !rings // rather too often than not at all
}

// withoutURL takes the URL, which nobody else should know, out of the error of a
// request.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// verdict reads the answer of a push service.
func verdict(status int, retryAfter string, now time.Time) result {
	r := result{outcome: refused, status: status}
	switch {
	case status >= 200 && status < 300:
		r.outcome = accepted
	case status == http.StatusNotFound || status == http.StatusGone:
		r.outcome = gone
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		r.outcome, r.after = failed, delay(retryAfter, now)
	}
	return r
}

// delay reads Retry-After (RFC 9110 §10.2.3).
func delay(text string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(n, 0), 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
