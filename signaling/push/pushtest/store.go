package pushtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/push"
)

// Run is the contract of push.Store; fresh gives each test an empty one.
func Run(t *testing.T, fresh func(t *testing.T) push.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, push.Store)
	}{
		{"KeepsAll", keepsAll},
		{"OneForEachDevice", oneForEachDevice},
		{"AnEndpointHasOneUser", oneUser},
		{"Remove", remove},
		{"Any", anybody},
		{"BoundedPerUser", bounded},
		{"Concurrent", concurrent},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
	}
}

// Sub is a subscription of the device with a number.
func Sub(device string, n int) push.Subscription {
	return push.Subscription{
		Endpoint: fmt.Sprintf("https://fcm.googleapis.com/fcm/send/%s-%d?x=\"<é>", device, n),
		Keys:     push.Keys{P256dh: fmt.Sprint("point-", n), Auth: fmt.Sprint("secret-", n)}, Device: device,
	}
}

func anybody(t *testing.T, s push.Store) {
	for _, want := range []bool{false, true} {
		if there, err := s.Any(t.Context()); err != nil || there != want {
			t.Fatalf("anybody: %t, %v; want %t", there, err, want)
		}
		put(t, s, "ann", Sub("phone", 1))
	}
}

func put(t *testing.T, s push.Store, user string, sub push.Subscription) {
	t.Helper()
	if err := s.Put(context.Background(), user, sub); err != nil {
		t.Fatal(err)
	}
}

// endpoints lists a user's, newest first.
func endpoints(t *testing.T, s push.Store, user string) []string {
	t.Helper()
	list, err := s.List(context.Background(), user)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{}
	for _, sub := range list {
		all = append(all, sub.Endpoint)
	}
	return all
}

func want(t *testing.T, s push.Store, user string, subs ...push.Subscription) {
	t.Helper()
	all := []string{}
	for _, sub := range subs {
		all = append(all, sub.Endpoint)
	}
	if got := endpoints(t, s, user); !slices.Equal(got, all) {
		t.Errorf("%s has %q, want %q", user, got, all)
	}
}

func keepsAll(t *testing.T, s push.Store) {
	want(t, s, "ann")
	put(t, s, "ann", Sub("phone", 1))
	put(t, s, "ann", Sub("laptop é\"", 2))
	put(t, s, "bea with a space:{}", Sub("phone", 3))
	want(t, s, "ann", Sub("laptop é\"", 2), Sub("phone", 1))
	want(t, s, "bea with a space:{}", Sub("phone", 3))
	list, err := s.List(context.Background(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	got := list[1]
	if got.Since.IsZero() {
		t.Error("nobody knows since when")
	}
	got.Since = Sub("", 0).Since
	if got != Sub("phone", 1) {
		t.Errorf("kept %+v", got)
	}
}

func oneForEachDevice(t *testing.T, s push.Store) {
	put(t, s, "ann", Sub("phone", 1))
	put(t, s, "ann", Sub("laptop", 2))
	put(t, s, "ann", Sub("phone", 3))
	want(t, s, "ann", Sub("phone", 3), Sub("laptop", 2))
	again := Sub("laptop", 2)
	again.Keys.Auth = "another"
	put(t, s, "ann", again)
	want(t, s, "ann", again, Sub("phone", 3))
	if list, err := s.List(context.Background(), "ann"); err != nil || list[0].Keys.Auth != "another" {
		t.Errorf("%+v, %v", list, err)
	}
}

// Whoever signs in to a browser gets its pushes, and nobody who did before.
func oneUser(t *testing.T, s push.Store) {
	put(t, s, "ann", Sub("phone", 1))
	put(t, s, "bea", Sub("phone", 1))
	want(t, s, "ann")
	want(t, s, "bea", Sub("phone", 1))
	other := Sub("phone", 1)
	other.Device = "the same browser under another name"
	put(t, s, "bea", other)
	want(t, s, "bea", other)
	put(t, s, "ann", Sub("phone", 1))
	want(t, s, "bea")
	want(t, s, "ann", Sub("phone", 1))
}

func remove(t *testing.T, s push.Store) {
	ctx := context.Background()
	put(t, s, "ann", Sub("phone", 1))
	put(t, s, "ann", Sub("laptop", 2))
	for _, step := range []struct {
		user string
		sub  push.Subscription
		was  bool
	}{
		{"ann", Sub("phone", 9), false}, {"bea", Sub("phone", 1), false}, {"ann", Sub("phone", 1), true}, {"ann", Sub("phone", 1), false},
	} {
		if removed, err := s.Remove(ctx, step.user, step.sub.Endpoint); err != nil || removed != step.was {
			t.Errorf("removing %s of %s: %v, %v", step.sub.Endpoint, step.user, removed, err)
		}
	}
	want(t, s, "ann", Sub("laptop", 2))
	put(t, s, "bea", Sub("phone", 1)) // free for somebody else
	want(t, s, "bea", Sub("phone", 1))
}

func bounded(t *testing.T, s push.Store) {
	var list []push.Subscription
	for i := range push.MaxPerUser + 3 {
		sub := Sub(fmt.Sprint("d", i), i)
		put(t, s, "ann", sub)
		list = slices.Insert(list, 0, sub)
	}
	want(t, s, "ann", list[:push.MaxPerUser]...)
	put(t, s, "bea", list[push.MaxPerUser])
	want(t, s, "bea", list[push.MaxPerUser])
}

func concurrent(t *testing.T, s push.Store) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 8 {
				if err := s.Put(context.Background(), "ann", Sub(fmt.Sprint("d", i), 100*i+n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := endpoints(t, s, "ann"); len(got) != 8 {
		t.Errorf("8 devices have %d subscriptions: %q", len(got), got)
	}
}
