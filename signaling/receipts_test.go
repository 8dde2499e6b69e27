package signaling

import (
	"fmt"
	"testing"
)

func TestM2_OnlyTheReceiverMarksAndStatusRises(t *testing.T) {
	w, _ := chatWorld(t, 1)
	a := w.join("A1")
	m := a.sends("b", "hi", "")               // nobody is there
	a.asks("message:history", `{"peer":"b"}`) // behind all that the first has led to
	b, c := w.join("B1"), w.join("C1")
	ref := fmt.Sprintf(`{"messageId":%q,"senderId":"a"}`, m.ID)
	for who, want := range map[*client]string{a: "!forbidden", c: "!forbidden"} {
		if got := who.asks("messageSeen", ref); got != want {
			t.Errorf("%s: %s, want %s", who.name, got, want)
		}
	}
	if got := b.asks("messageSeen", fmt.Sprintf(`{"messageId":%q,"senderId":"c"}`, m.ID)); got != "!bad_payload" {
		t.Errorf("another author: %s", got)
	}
	if got := b.asks("messageSeen", `{"messageId":"nothing","senderId":"a"}`); got != "!not_found" {
		t.Errorf("no such message: %s", got)
	}
	a.waits() // nobody has marked anything
	if got := b.asks("messageSeen", ref); got != "{}" {
		t.Fatal(got)
	}
	seen := `messageStatusUpdated {"messageId":"` + m.ID + `","status":"seen"}`
	a.waits(seen)
	if got := b.asks("messageDelivered", ref); got != "{}" {
		t.Fatal(got)
	}
	a.waits(seen) // it does not fall
	again := a.sends("b", "again", "")
	a.waits(seen, `messageStatusUpdated {"messageId":"`+again.ID+`","status":"delivered"}`)
	if got := b.asks("allmessageSeen", `{"senderId":"a","receiverId":"c"}`); got != "{}" {
		t.Fatal(got)
	}
	second := `messageStatusUpdated {"messageId":"` + again.ID + `","status":"delivered"}`
	a.waits(seen, second, `allmessageStatusUpdated {"senderId":"a","receiverId":"b","status":"seen"}`)
}

// TestM1_AskedAgainByOneWhoMayNoLonger: the ack was lost, and then the author blocked
// the receiver.
func TestM1_AskedAgainByOneWhoMayNoLonger(t *testing.T) {
	w, _ := chatWorld(t, 1)
	a, b := w.join("A1"), w.join("B1")
	m := a.sends("b", "one", `,"clientId":"k"`)
	a.blocks("b")
	if again := a.sends("b", "one", `,"clientId":"k"`); again.ID != m.ID {
		t.Errorf("another message: %+v", again)
	}
	for what, draft := range map[string]string{
		"another name": `{"to":"b","text":"two","clientId":"l"}`,
		"no name":      `{"to":"b","text":"two"}`,
	} {
		if got := a.asks("message:send", draft); got != "!forbidden" {
			t.Errorf("%s: %s", what, got)
		}
	}
	if got := a.asks("message:send", `{"to":"b","text":"","clientId":"k"}`); got != "!bad_payload" {
		t.Errorf("no text: %s", got)
	}
	b.waits("newMessage")
}

// TestM2_TheReadersOtherDevicesHear: what one device of a reader has seen is not
// new on the others either.
func TestM2_TheReadersOtherDevicesHear(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		w, _ := chatWorld(t, nodes)
		a, b, other, base := w.join("A1"), w.join("B1"), w.join("B2"), w.join("b3")
		m := a.sends("b", "one", "")
		delivered := `messageStatusUpdated {"messageId":"` + m.ID + `","status":"delivered"}`
		a.waits(delivered)
		if got := b.asks("messageSeen", fmt.Sprintf(`{"messageId":%q,"senderId":"a"}`, m.ID)); got != "{}" {
			t.Fatal(got)
		}
		seen := `messageStatusUpdated {"messageId":"` + m.ID + `","status":"seen"}`
		a.waits(delivered, seen)
		other.waits("newMessage", seen)
		again := a.sends("b", "two", "")
		a.waits(delivered, seen, `messageStatusUpdated {"messageId":"`+again.ID+`","status":"delivered"}`)
		if got := b.asks("allmessageSeen", `{"senderId":"a"}`); got != "{}" {
			t.Fatal(got)
		}
		other.waits("newMessage", seen, "newMessage", `allmessageStatusUpdated {"senderId":"a","receiverId":"b","status":"seen"}`)
		a.sends("b", "three", "") // behind all that was told
		base.waits("newMessage", "newMessage", "newMessage")
		b.waits("newMessage", "newMessage", "newMessage")
	})
}
