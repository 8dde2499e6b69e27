package emitter

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// What @socket.io/redis-emitter 5.1.0 publishes, as it went over Redis. (The last
// argument of "dates" was 1e300: its MessagePack has no such whole numbers.)
var recorded = map[string]string{
	"one room": "93a7656d697474657283a47479706502a46461746193aa6e65774d65737361676588a35f6964a26d31a474657874ae68c3a92022796f752220f09f9982a16efba3626967cf001fffffffffffffa166cb3fe0000000000000a36e696cc0a3796573c3a46c69737493019080a374776fa36e7370a12f83a5726f6f6d7391a5616c696365a5666c61677380a665786365707490",
	"all":      "93a7656d697474657283a47479706502a46461746191ab6d61696e74656e616e6365a36e7370a12f83a5726f6f6d7390a5666c61677380a665786365707490",
	"rooms":    "93a7656d697474657283a47479706502a46461746192a17801a36e7370a12f83a5726f6f6d7392a5616c69636507a5666c61677381a8766f6c6174696c65c3a665786365707491a3626f62",
	"dates":    "93a7656d697474657283a47479706502a46461746197a164d6ff6b07850bd7ff6cb808006b07850bc70cff1dcd6500fffffffffffffffec0d3fffffffeffffffffcf0000000000000000a36e7370a12f83a5726f6f6d7390a5666c61677380a665786365707490",
	"binary":   "93a7656d697474657283a47479706502a46461746193a16282a161c4020102a16291c4026869c401ffa36e7370a12f83a5726f6f6d7390a5666c61677380a665786365707490",
}

func fromHex(t testing.TB, name string) []byte {
	t.Helper()
	b, err := hex.DecodeString(recorded[name])
	if err != nil || len(b) == 0 {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

func TestM9_DecodesWhatTheEmitterPublishes(t *testing.T) {
	for _, c := range []struct {
		name          string
		rooms, except []string
		event, args   string
		lane          wire.Lane
	}{
		{name: "one room", rooms: []string{"alice"}, event: "newMessage", args: `{"_id":"m1","text":"hé \"you\" 🙂","n":-5,"big":9007199254740991,"f":0.5,"nil":null,"yes":true,"list":[1,[],{}]},"two"`},
		{name: "all", event: "maintenance", args: ``},
		{name: "rooms", rooms: []string{"alice", "7"}, except: []string{"bob"}, event: "x", args: `1`, lane: wire.Droppable},
		{name: "dates", event: "d", args: `"2026-11-26T01:02:03.000Z","2026-11-26T01:02:03.456Z","1969-12-31T23:59:58.500Z",null,-4294967297,0`},
	} {
		p, err := decode(fromHex(t, c.name))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := string(p.event.Args); p.event.Name != c.event || got != c.args {
			t.Errorf("%s: got %s %s\nwant %s %s", c.name, p.event.Name, got, c.event, c.args)
		}
		if !reflect.DeepEqual(p.to.Rooms, c.rooms) || !reflect.DeepEqual(p.to.Except, c.except) || p.event.Lane != c.lane {
			t.Errorf("%s: got %+v, lane %d", c.name, p.to, p.event.Lane)
		}
	}
}

func TestM9_DecodesBinaryForBothDialects(t *testing.T) {
	p, err := decode(fromHex(t, "binary"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(p.event.Args), `{"a":"AQI=","b":["aGk="]},"/w=="`; got != want {
		t.Errorf("as text: %s, want %s", got, want)
	}
	b := p.event.Binary
	if b == nil {
		t.Fatal("no attachments")
	}
	want := `{"a":{"_placeholder":true,"num":0},"b":[{"_placeholder":true,"num":1}]},{"_placeholder":true,"num":2}`
	if string(b.Args) != want || !reflect.DeepEqual(b.Attachments, [][]byte{{1, 2}, []byte("hi"), {255}}) {
		t.Errorf("with attachments: %s %v", b.Args, b.Attachments)
	}
}

// message makes what an emitter would publish, of an event and one argument.
func message(name string, arg []byte) []byte {
	b := msgp.AppendArrayHeader(nil, 3)
	b = msgp.AppendString(b, "emitter")
	b = msgp.AppendMapHeader(b, 3)
	b = msgp.AppendInt(msgp.AppendString(b, "type"), 2)
	b = msgp.AppendArrayHeader(msgp.AppendString(b, "data"), 2)
	b = append(msgp.AppendString(b, name), arg...)
	b = msgp.AppendString(msgp.AppendString(b, "nsp"), "/")
	return msgp.AppendMapHeader(b, 0)
}

func TestM9_RefusesWhatIsNoMessage(t *testing.T) {
	one := msgp.AppendInt(nil, 1)
	whole := message("x", one)
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":                  {nil, ErrMessage},
		"a text":                   {[]byte("hello"), ErrMessage},
		"cut":                      {whole[:len(whole)-1], ErrMessage},
		"more behind it":           {append(whole[:len(whole):len(whole)], 0xc0), ErrMessage},
		"no name":                  {message("", one), ErrMessage},
		"a name that is too long":  {message(strings.Repeat("n", 129), one), ErrMessage},
		"a name that is no text":   {message("\xff", one), ErrMessage},
		"a name of Socket.IO":      {message("disconnect", one), ErrReserved},
		"a huge array that is not": {message("x", []byte{0xdd, 0xff, 0xff, 0xff, 0xff}), ErrMessage},
		"a huge map that is not":   {message("x", []byte{0xdf, 0xff, 0xff, 0xff, 0xff}), ErrMessage},
		"a huge text that is not":  {message("x", []byte{0xdb, 0xff, 0xff, 0xff, 0xff}), ErrMessage},
		"too deep":                 {message("x", append(nest(maxDepth+2), 0xc0)), ErrMessage},
		"an unknown extension":     {message("x", []byte{0xd4, 0x21, 0x00}), ErrMessage},
		"another namespace":        {[]byte(strings.Replace(string(whole), "\xa1/", "\xa2/a", 1)), ErrNamespace},
	} {
		if _, err := decode(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if _, err := decode(whole); err != nil {
		t.Errorf("the whole one: %v", err)
	}
}

func nest(n int) []byte { return []byte(strings.Repeat("\x91", n)) }

func TestM9_DecodesRequests(t *testing.T) {
	r, err := decodeRequest([]byte(`{"type":4,"opts":{"rooms":["alice",7],"except":[]},"close":true}`))
	if a := r.audience(); err != nil || r.Type != requestDisconnect || !reflect.DeepEqual(a.Rooms, []string{"alice", "7"}) || len(a.Except) != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, text := range []string{``, `{`, `[]`, `{"type":"4"}`, `{"type":4,"opts":{"rooms":"alice"}}`, `{"type":4,"opts":{"rooms":[{}]}}`} {
		if r, err := decodeRequest([]byte(text)); err == nil {
			t.Errorf("%s became %+v", text, r)
		}
	}
	if r, err := decodeRequest([]byte(`{}`)); err != nil || r.Type != -1 || requestName(r.Type) != "type -1" {
		t.Errorf("a request without a type: %+v, %v", r, err)
	}
}

// FuzzDecode holds that whatever is published becomes valid events or an error,
// and costs no more memory than its bytes allow.
func FuzzDecode(f *testing.F) {
	for name := range recorded {
		f.Add(fromHex(f, name))
	}
	f.Add(message("x", []byte{0xdd, 0xff, 0xff, 0xff, 0xff}))
	f.Add(message("x", append(nest(200), 0xc0)))
	f.Add(message("x", []byte{0xc7, 0x0c, 0xff, 1, 2, 3}))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decode(b)
		if err != nil {
			return
		}
		ev := p.event
		if !wire.ValidEventName(ev.Name) || wire.ReservedEvent(ev.Name) {
			t.Fatalf("the name %q came through", ev.Name)
		}
		for _, args := range forms(ev) {
			if text := "[" + string(args) + "]"; !json.Valid([]byte(text)) || !rawjson.Valid([]byte(text)) {
				t.Fatalf("no JSON: %s", text)
			}
			if len(args) > 8*len(b)+64 && ev.Binary == nil {
				t.Fatalf("%d bytes became %d", len(b), len(args))
			}
		}
	})
}

func forms(ev *wire.Event) [][]byte {
	if ev.Binary == nil {
		return [][]byte{ev.Args}
	}
	return [][]byte{ev.Args, ev.Binary.Args}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"type":4,"opts":{"rooms":["alice",7],"except":[]},"close":true}`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if r, err := decodeRequest(b); err == nil {
			r.audience()
			requestName(r.Type)
		}
	})
}
