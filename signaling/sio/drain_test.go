package sio

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// TestO2_DrainSendsSessionsToAnotherNode: transports are cut without a
// DISCONNECT, so that each client comes back, to another node, with what it
// missed; the call goes on.
func TestO2_DrainSendsSessionsToAnotherNode(t *testing.T) {
	nodes := newNodes(t, 2, nil)
	ann, bob := nodes[0].join("ann", `"resume":true`), nodes[1].join("bob", extended)
	ann.emit("call:user", `{"to":"bob","signal":`+sdpOffer(1)+`}`)
	bob.wants("call:incoming")
	bob.receipt("ann", 0)
	ann.wants("messageStatusUpdated")
	idle := make([]*client, 10)
	for i := range idle {
		idle[i] = nodes[0].join(fmt.Sprint("u", i), `"resume":true`)
		idle[i].sent()
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	nodes[0].sw.Drain(200 * time.Millisecond)
	if n := nodes[0].srv.Drain(ctx, 200*time.Millisecond); n != 0 {
		t.Fatalf("%d are still connected", n)
	}
	if ann.ended() {
		t.Error("closed with DISCONNECT: its client would stay away")
	}
	eq(t, "bob hears", plain(bob.wants("call:peer")), `{"callId":X,"state":"reconnecting"}`)
	bob.receipt("ann", 1) // while she is on her way
	bob.sent()
	back := nodes[1].recover(ann, "ann", `"resume":true`)
	if back.sid != ann.sid {
		t.Fatalf("sid %s, want %s", back.sid, ann.sid)
	}
	eq(t, "missed", back.wants("messageStatusUpdated"), seen(1))
	eq(t, "bob hears", plain(bob.wants("call:peer")), `{"callId":X,"state":"back"}`)
	for i, c := range idle {
		if again := nodes[1].recover(c, fmt.Sprint("u", i), `"resume":true`); again.sid != c.sid {
			t.Errorf("u%d was not recovered", i)
		}
	}
	if n := nodes[0].sw.WaitEmpty(ctx); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// TestO2_DrainingServerRefusesHandshakes in a way after which clients try again.
func TestO2_DrainingServerRefusesHandshakes(t *testing.T) {
	r := newRig(t, nil)
	waiting := r.dial("", nil) // has no CONNECT yet
	r.sw.Drain(time.Second)
	res, err := http.Get(r.url + "/socket.io/?EIO=4&transport=polling")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a handshake is answered %d %s, want 503", res.StatusCode, body)
	}
	waiting.write(`40{"token":"` + token("ann") + `"}`)
	if p, err := waiting.tryPacket(); err == nil {
		t.Errorf("a CONNECT was answered %q: its client would stay away", p)
	}
}
