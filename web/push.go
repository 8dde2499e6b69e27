package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Push is what the routes of pushes stand on: a push.Service.
type Push interface {
	// PublicKey is what browsers subscribe with.
	PublicKey() string
	// Subscribe registers a browser of the user.
	Subscribe(ctx context.Context, user string, s push.Subscription) (push.Subscription, error)
	// Unsubscribe forgets one, by endpoint or device.
	Unsubscribe(ctx context.Context, user, endpoint, device string) (found bool, err error)
}

func (s *Server) pushOn() bool { return s.parts.Push != nil }

// pushRoutes are those that a page registers its browser with.
//
//	GET    /api/push/key             the key to subscribe with
//	POST   /api/push/subscriptions   a PushSubscription as JSON, and {device}
//	DELETE /api/push/subscriptions   {endpoint} or {device}
func (s *Server) pushRoutes() map[string]map[string]answerer {
	return map[string]map[string]answerer{
		"/api/push/key":           {http.MethodGet: s.pushKey},
		"/api/push/subscriptions": {http.MethodPost: s.subscribe, http.MethodDelete: s.unsubscribe},
	}
}

type pushKeyAnswer struct {
	Key string `json:"key"` // P-256, uncompressed, in base64url
}

func (s *Server) pushKey(*http.Request, *auth.Identity) (int, any, error) {
	return http.StatusOK, pushKeyAnswer{s.parts.Push.PublicKey()}, nil
}

type subscribedAnswer struct {
	Device string `json:"device"` // the name to forget it by
}

// subscribeBody is what PushSubscription.toJSON gives (W3C Push API §8), as far as
// it is of use, and the browser's name.
type subscribeBody struct {
	Endpoint string   `json:"endpoint"`
	Keys     pushKeys `json:"keys"`
	Device   string   `json:"device"`
}

type pushKeys struct {
	P256dh string `json:"p256dh"` // base64url of 65 bytes
	Auth   string `json:"auth"`   // base64url of 16 bytes
}

func (s *Server) subscribe(r *http.Request, caller *auth.Identity) (int, any, error) {
	var body subscribeBody
	if err := readBody(r, &body); err != nil {
		return 0, nil, err
	}
	sub, err := s.parts.Push.Subscribe(lasting(r), caller.User, push.Subscription{
		Endpoint: body.Endpoint, Keys: push.Keys(body.Keys), Device: body.Device,
	})
	if err != nil {
		return 0, nil, pushProblem(err)
	}
	return http.StatusCreated, subscribedAnswer{sub.Device}, nil
}

// unsubscribeBody names a browser: one of its members.
type unsubscribeBody struct {
	Endpoint string `json:"endpoint"`
	Device   string `json:"device"`
}

func (s *Server) unsubscribe(r *http.Request, caller *auth.Identity) (int, any, error) {
	which := unsubscribeBody{Endpoint: r.URL.Query().Get("endpoint"), Device: r.URL.Query().Get("device")}
	if r.ContentLength != 0 {
		if err := readBody(r, &which); err != nil {
			return 0, nil, err
		}
	}
	if which.Endpoint == "" && which.Device == "" {
		return 0, nil, wire.Errorf(wire.CodeBadPayload, "Say which one: its endpoint or its device.")
	}
	switch found, err := s.parts.Push.Unsubscribe(lasting(r), caller.User, which.Endpoint, which.Device); {
	case err != nil:
		return 0, nil, pushProblem(err)
	case !found:
		return 0, nil, wire.Errorf(wire.CodeNotFound, "")
	}
	return http.StatusOK, struct{}{}, nil
}

// pushProblem turns an error of pushes into what a client may hear. What a store
// says of itself has a code already, or none.
func pushProblem(err error) error {
	var coded interface{ Code() string }
	switch {
	case errors.Is(err, push.ErrHost):
		return wire.Errorf(wire.CodeBadPayload, "The endpoint is not at a push service that this server uses.")
	case errors.Is(err, push.ErrSubscription):
		return wire.Errorf(wire.CodeBadPayload, "The body is no subscription: it needs endpoint (https), keys.p256dh and keys.auth.")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, presence.ErrUnavailable):
		return wire.Errorf(wire.CodeUnavailable, "")
	case errors.As(err, &coded):
		return wire.Errorf(wire.Code(coded.Code()), "")
	}
	return err
}
