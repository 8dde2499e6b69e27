package webhook

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/signaling"
)

// The examples of PROTOCOL.md have the shapes of the Go types, every member
// included.
func TestM9_DocumentedExamples(t *testing.T) {
	page, err := os.ReadFile("../../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## 8. Webhooks")
	shapes := map[signaling.NewsType]any{
		signaling.NewsRinging: &Ringing{}, signaling.NewsAnswered: &Answered{}, signaling.NewsEnded: &Ended{}, signaling.NewsMissed: &Ended{},
		signaling.NewsMessage: &MessageCreated{}, signaling.NewsOnline: &Presence{}, signaling.NewsOffline: &Presence{},
	}
	for _, typ := range types {
		if !strings.Contains(section, "`"+string(typ)+"`") {
			t.Errorf("%s is not described", typ)
		}
	}
	seen := map[signaling.NewsType]bool{}
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, `{"type"`) {
			continue
		}
		var e struct {
			Type signaling.NewsType `json:"type"`
			At   string             `json:"timestamp"`
			ID   string             `json:"id"`
			Data json.RawMessage    `json:"data"`
		}
		strict(t, []byte(line), &e)
		data := shapes[e.Type]
		if data == nil {
			t.Errorf("there is no %s", e.Type)
			continue
		}
		seen[e.Type] = true
		strict(t, e.Data, data)
		for f := range reflect.TypeOf(data).Elem().Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			missing := []string{"next"}
			if e.Type == signaling.NewsOnline {
				missing = append(missing, "lastSeen")
			}
			if e.Type == signaling.NewsMissed {
				missing = append(missing, "answeredAt", "calleeDevice")
			}
			if !slices.Contains(missing, name) && !bytes.Contains(e.Data, []byte(`"`+name+`":`)) {
				t.Errorf("the example of %s has no %s", e.Type, name)
			}
		}
	}
	if len(seen) != len(shapes) {
		t.Errorf("there are examples of %v", seen)
	}
}

func strict(t *testing.T, b []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Errorf("%s: %v", b, err)
	}
}
