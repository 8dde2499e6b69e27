package signaling

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/chat/sqlite"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// chatWorld is a world whose nodes share one file of messages. Time is real in
// it: a disk takes some.
func chatWorld(t *testing.T, nodes int) (*world, *sqlite.Store) {
	t.Helper()
	store := openChat(t)
	return newWorldOf(t, nodes, func(s *setup) { s.chat = store }), store
}

// lateAnswer waits for its answer.
type lateAnswer chan string

func (a lateAnswer) Ack(args []byte)      { a <- string(args) }
func (a lateAnswer) Fail(p *wire.Problem) { a <- "!" + string(p.Code) }
func (a lateAnswer) Later() Replier       { return a }

// asks sends an event and waits for its acknowledgement.
func (c *client) asks(event, arg string) string {
	c.w.t.Helper()
	a := make(lateAnswer, 1)
	c.receive(event, a, arg)
	c.sess.Idle()
	select {
	case got := <-a:
		return got
	case <-time.After(10 * time.Second):
		c.w.t.Fatalf("%s: %s was not answered", c.name, event)
		return ""
	}
}

// sends a message and returns it as acknowledged.
func (c *client) sends(to, text, more string) messageJSON {
	c.w.t.Helper()
	got := c.asks("message:send", fmt.Sprintf(`{"to":%q,"text":%q%s}`, to, text, more))
	var reply struct{ Message messageJSON }
	if err := json.Unmarshal([]byte(got), &reply); err != nil {
		c.w.t.Fatalf("%s: message:send was answered %s", c.name, got)
	}
	return reply.Message
}

type messageJSON struct {
	ID        string `json:"_id"`
	Sender    string `json:"senderId"`
	Receiver  string `json:"receiverId"`
	Text      string `json:"message"`
	Status    string `json:"status"`
	ClientID  string `json:"clientId"`
	CreatedAt string `json:"createdAt"`
}

// waits until the device has got exactly these events, each given by its beginning
// once the ids are taken out, or more of them for other reasons than messages.
func (c *client) waits(want ...string) {
	c.w.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		got := c.messageEvents()
		ok := len(got) == len(want)
		for i := 0; ok && i < len(want); i++ {
			ok = strings.HasPrefix(got[i], want[i])
		}
		if ok {
			return
		}
		if time.Now().After(deadline) {
			c.w.t.Fatalf("%s got\n\t%s\nwant\n\t%s", c.name, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		}
		time.Sleep(2 * time.Millisecond) // polling with a deadline
	}
}

func (c *client) messageEvents() (list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ev := range c.received {
		if ev.Name != wire.GetOnlineUsers {
			list = append(list, ev.Name+" "+string(ev.Args))
		}
	}
	return list
}

func TestM1_SentStoredAnsweredDelivered(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			w, store := chatWorld(t, nodes)
			a, a2, base := w.join("A1"), w.join("A2"), w.join("a3")
			b, b2 := w.join("b1"), w.join("B2")
			m := a.sends("b", "hello", `,"clientId":"k1"`)
			if m.Sender != "a" || m.Receiver != "b" || m.Text != "hello" || m.Status != "sent" || m.ClientID != "k1" || len(m.ID) != 24 {
				t.Fatalf("%+v", m)
			}
			event := `newMessage {"_id":"` + m.ID + `","senderId":"a","receiverId":"b","message":"hello"`
			status := `messageStatusUpdated {"messageId":"` + m.ID + `","status":"delivered"}`
			b.waits(event)
			b2.waits(event)
			if got := b.messageEvents()[0]; !strings.HasSuffix(got, `,{"_id":"a"}`) {
				t.Errorf("the second argument: %s", got)
			}
			a2.waits(event, status)
			a.waits(status)
			base.waits(status) // a base device of the author would count the message as unread
			again := a.sends("b", "hello", `,"clientId":"k1"`)
			if again.ID != m.ID || again.Status != "delivered" {
				t.Errorf("the same clientId: %+v, want %s", again, m.ID)
			}
			b.waits(event) // not a second time
			if list, err := store.History(t.Context(), "a", "b", "", 10); err != nil || len(list) != 1 {
				t.Errorf("%d messages are kept, %v", len(list), err)
			}
		})
	}
}

func TestM3_SyncGivesWhatWasMissed(t *testing.T) {
	w, _ := chatWorld(t, 1)
	a := w.join("A1")
	var sent []messageJSON
	for i := range 5 {
		sent = append(sent, a.sends("b", fmt.Sprint("message ", i), ""))
	}
	a.asks("message:history", `{"peer":"b"}`) // behind all that these have led to
	b := w.join("B1")
	type page struct {
		Messages []messageJSON
		Receipts []json.RawMessage
		Cursor   string
		More     bool
	}
	var got []messageJSON
	cursor := ""
	for more := true; more; {
		var p page
		if err := json.Unmarshal([]byte(b.asks("message:sync", fmt.Sprintf(`{"since":%q,"limit":2}`, cursor))), &p); err != nil {
			t.Fatal(err)
		}
		got, cursor, more = append(got, p.Messages...), p.Cursor, p.More
	}
	for i := range sent {
		if i >= len(got) || got[i].ID != sent[i].ID {
			t.Fatalf("got %+v, want %+v", got, sent)
		}
	}
	var now page
	if err := json.Unmarshal([]byte(b.asks("message:sync", `{"limit":0}`)), &now); err != nil || len(now.Messages) != 0 || now.More {
		t.Errorf("a new device: %+v, %v", now, err)
	}
	last := a.sends("b", "after that", "")
	var after page
	if err := json.Unmarshal([]byte(b.asks("message:sync", fmt.Sprintf(`{"since":%q}`, now.Cursor))), &after); err != nil {
		t.Fatal(err)
	}
	if len(after.Messages) == 0 || after.Messages[len(after.Messages)-1].ID != last.ID {
		t.Errorf("after that it got %+v", after)
	}
	if answer := b.asks("message:sync", `{"since":"no cursor"}`); answer != "!bad_payload" {
		t.Errorf("a bad cursor: %s", answer)
	}
	// What a device has read counts as delivered, and its author hears so.
	a.waitsForStatuses(len(sent)+1, chat.Delivered)
}

func TestM7_DeletedReactedEdited(t *testing.T) {
	w, _ := chatWorld(t, 1)
	a, b, old := w.join("A1"), w.join("B1"), w.join("b2")
	first, m := a.sends("b", "stays", ""), a.sends("b", "goes", "")
	ref := func(more string) string { return fmt.Sprintf(`{"messageId":%q%s}`, m.ID, more) }
	if got := b.asks("message:react", ref(`,"emoji":"👍"`)); !strings.Contains(got, `"reactions":[{"userId":"b","emoji":"👍"}]`) {
		t.Errorf("react: %s", got)
	}
	if got := b.asks("message:react", ref(`,"emoji":"👍","on":true`)); !strings.Contains(got, `"reactions":[{"userId":"b","emoji":"👍"}]`) {
		t.Errorf("react once more: %s", got)
	}
	if got := b.asks("message:edit", ref(`,"text":"mine"`)); got != "!forbidden" {
		t.Errorf("edit by the receiver: %s", got)
	}
	if got := a.asks("message:edit", ref(`,"text":"better"`)); !strings.Contains(got, `"message":"better"`) || !strings.Contains(got, `"editedAt":`) {
		t.Errorf("edit: %s", got)
	}
	if got := b.asks("message:delete", ref("")); got != "!forbidden" {
		t.Errorf("delete by the receiver: %s", got)
	}
	if got := a.asks("message:delete", ref("")); got != "{}" {
		t.Errorf("delete: %s", got)
	}
	if got := a.asks("message:delete", ref("")); got != "!not_found" {
		t.Errorf("delete twice: %s", got)
	}
	reacted := `reactionUpdated {"messageId":"` + m.ID + `","reactions":[{"userId":"b","emoji":"👍"}]}`
	b.waits("newMessage", "newMessage", reacted, "message:edited", `messageDeleted {"messageId":"`+m.ID+`"}`)
	old.waits("newMessage", "newMessage", reacted, `messageDeleted [{"_id":"`+first.ID+`"`)
	if got := old.messageEvents()[3]; !strings.HasSuffix(got, `],"a","b",{"messageId":"`+m.ID+`"}`) {
		t.Errorf("what a base device gets: %s", got)
	}
	if got := b.asks("message:history", `{"peer":"a"}`); !strings.Contains(got, first.ID) || strings.Contains(got, m.ID) {
		t.Errorf("history: %s", got)
	}
	if got := b.asks("message:conversations", `{}`); !strings.Contains(got, `"peer":"a","unread":1,"lastMessage":{"_id":"`+first.ID) {
		t.Errorf("conversations: %s", got)
	}
}

func TestM1_BadMessagesDisturbNothing(t *testing.T) {
	w, store := chatWorld(t, 1)
	a := w.join("A1")
	for arg, want := range map[string]string{
		`{"text":"x"}`: "!bad_payload", `{"to":"b"}`: "!bad_payload", `{"to":"b","text":"  "}`: "!bad_payload",
		`{"to":"b","text":7}`: "!bad_payload", `{"to":"b","media":"javascript:alert(1)"}`: "!bad_payload",
		`{"to":"b","text":"x","replyTo":"none"}`: "!bad_payload", `[]`: "!bad_payload",
		`{"to":"b","text":"` + strings.Repeat("x", 20_000) + `"}`: "!payload_too_large",
	} {
		if got := a.asks("message:send", arg); got != want {
			t.Errorf("%.60s: %s, want %s", arg, got, want)
		}
	}
	a.sends("b", "fine", "")
	if list, _ := store.History(t.Context(), "a", "b", "", 10); len(list) != 1 {
		t.Errorf("%d messages are kept, want 1", len(list))
	}
}

// names is a user store.
type names map[string]string

func (n names) Profile(_ context.Context, user string) (json.RawMessage, error) {
	if p, ok := n[user]; ok {
		return json.RawMessage(p), nil
	}
	return nil, nil
}

// TestI2_ProfileOfAnAuthor: the token says who wrote, else the user store, and
// nothing of it that is not on the list gets out.
func TestI2_ProfileOfAnAuthor(t *testing.T) {
	w, _ := chatWorld(t, 1)
	w.sw.profiles = names{"a": `{"_id":"x","fullName":"Ann","password":"secret","profilePic":"javascript:1"}`}
	b := w.join("B1")
	w.join("A1").sends("b", "one", "")
	w.joinAs("C1", &auth.Identity{User: "c", Profile: &auth.Profile{FullName: "Cleo"}}).sends("b", "two", "")
	w.join("D1").sends("b", "three", "")
	b.waits("newMessage", "newMessage", "newMessage")
	for i, want := range []string{`,{"_id":"a","fullName":"Ann"}`, `,{"_id":"c","fullName":"Cleo"}`, `,{"_id":"d"}`} {
		if got := b.messageEvents()[i]; !strings.HasSuffix(got, want) {
			t.Errorf("%s does not end in %s", got, want)
		}
	}
}

// TestC15_ScopeOfMessages: who may not message changes none either.
func TestC15_ScopeOfMessages(t *testing.T) {
	w, _ := chatWorld(t, 1)
	m := w.join("A1").sends("b", "hi", "")
	b := w.joinAs("B1", &auth.Identity{User: "b", Can: []string{"call"}})
	for event, arg := range map[string]string{
		"message:send": `{"to":"a","text":"x"}`, "message:react": fmt.Sprintf(`{"messageId":%q,"emoji":"👍"}`, m.ID),
		"message:edit": fmt.Sprintf(`{"messageId":%q,"text":"x"}`, m.ID),
	} {
		if got := b.asks(event, arg); got != "!forbidden" {
			t.Errorf("%s: %s", event, got)
		}
	}
	if got := b.asks("message:history", `{"peer":"a"}`); !strings.Contains(got, m.ID) {
		t.Errorf("history: %s", got)
	}
}

func TestM5_WithoutAStore(t *testing.T) {
	w := newWorld(t, nil)
	a := w.join("A1")
	for _, event := range []string{"message:send", "message:sync", "message:edit", "message:delete", "message:react", "message:history", "message:conversations"} {
		if got := a.ask(event, `{"to":"b","text":"x"}`); got != "!not_configured" {
			t.Errorf("%s: %s", event, got)
		}
	}
}

// TestC14_CallsAreLoggedOnce: also where nodes share their calls.
func TestC14_CallsAreLoggedOnce(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			w, store := chatWorld(t, nodes)
			a, b := w.join("A1"), w.join("B1")
			if got := a.asks("call:user", ringing("b", offer(1))); !strings.Contains(got, `"state":"ringing"`) {
				t.Fatal(got)
			}
			b.waits("call:incoming", "call:state")
			if got := a.asks("call:end", `{"to":"b"}`); !strings.Contains(got, `"ended"`) {
				t.Fatal(got)
			}
			ctx := context.Background()
			deadline := time.Now().Add(10 * time.Second)
			for {
				list, _, err := store.Calls(ctx, "b", "", 10)
				if err != nil {
					t.Fatal(err)
				}
				if len(list) == 1 {
					if !list[0].Missed || !list[0].New || list[0].Caller != "a" || string(list[0].Reason) != "cancelled" {
						t.Errorf("%+v", list[0])
					}
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d calls are logged", len(list))
				}
				time.Sleep(2 * time.Millisecond) // polling with a deadline
			}
			list, _, missed, err := w.sw.Calls(ctx, "b", "", 10)
			if err != nil || len(list) != 1 || missed != 1 {
				t.Errorf("%d calls, %d missed, %v", len(list), missed, err)
			}
			if err := w.sw.SeeCalls(ctx, "b", time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
			if _, _, missed, _ := w.sw.Calls(ctx, "b", "", 10); missed != 0 {
				t.Errorf("%d missed after looking", missed)
			}
		})
	}
}
