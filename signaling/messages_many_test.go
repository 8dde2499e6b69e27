package signaling

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// What a client sends without waiting for answers is stored in its order, and each
// message has its own answer.
func TestM1_ManySentAtOnce(t *testing.T) {
	w, store := chatWorld(t, 1)
	a, b, c := w.join("A1"), w.join("b1"), w.join("c1")
	const messages = 60
	answers := make([]lateAnswer, messages)
	var toB, toC []string
	for i := range messages {
		to, text := "b", fmt.Sprintf("m%02d", i)
		switch {
		case i%7 == 3:
			text = " "
		case i%5 == 4:
			to = "c"
			toC = append(toC, text)
		default:
			toB = append(toB, text)
		}
		answers[i] = make(lateAnswer, 1)
		a.receive("message:send", answers[i], fmt.Sprintf(`{"to":%q,"text":%q,"clientId":"k%d"}`, to, text, i))
		if i == 30 { // something else between them
			a.receive("messageSeen", nil, `{"messageId":"000000000000000000000000","senderId":"b"}`)
		}
	}
	for i := range answers {
		want := fmt.Sprintf(`"clientId":"k%d"`, i)
		if i%7 == 3 {
			want = "!" + string(wire.CodeBadPayload)
		}
		select {
		case got := <-answers[i]:
			if !strings.Contains(got, want) {
				t.Errorf("message %d was answered %s, want %s", i, got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("message %d was not answered", i)
		}
	}
	for reader, want := range map[*client][]string{b: toB, c: toC} {
		list, err := store.History(t.Context(), "a", reader.name[:1], "", messages)
		if err != nil || len(list) != len(want) {
			t.Fatalf("%d messages are kept, %v, not %d", len(list), err, len(want))
		}
		events := make([]string, len(want))
		for i, m := range list {
			if m.Text != want[i] {
				t.Errorf("message %d is %q, not %q", i, m.Text, want[i])
			}
			events[i] = `newMessage {"_id":"` + m.ID
		}
		reader.waits(events...)
	}
}
