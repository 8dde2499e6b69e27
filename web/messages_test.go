package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestM6_SendAndHistory(t *testing.T) {
	s := newSite(t, nil)
	res, body := s.as("alice", "GET", "/api/messages/bob", "")
	if res.StatusCode != 200 || body != "[]" {
		t.Fatalf("no messages yet: %d %s", res.StatusCode, body)
	}
	first := s.send("alice", "bob", `{"text":"hello","media":"https://media.example/a.png","replyTo":null,"more":{"x":1}}`)
	if first.ID == "" || first.SenderID != "alice" || first.ReceiverID != "bob" || first.Message != "hello" || first.Status != "sent" ||
		first.Media != "https://media.example/a.png" || first.ReplyTo != nil || first.CreatedAt.IsZero() || !first.CreatedAt.Equal(first.UpdatedAt) {
		t.Fatalf("%+v", first)
	}
	second := s.send("bob", "alice", `{"text":"hi","replyTo":{"messageId":"`+first.ID+`","message":"what I never said"}}`)
	if second.ReplyTo == nil || second.ReplyTo.MessageID != first.ID || second.ReplyTo.Text != "hello" {
		t.Fatalf("%+v", second.ReplyTo)
	}
	for _, user := range []string{"alice", "bob"} {
		peer := map[string]string{"alice": "bob", "bob": "alice"}[user]
		if list := s.history(user, peer, ""); len(list) != 2 || list[0].ID != first.ID || list[1].ID != second.ID {
			t.Errorf("%s reads %+v", user, list)
		}
	}
	if list := s.history("carol", "bob", ""); len(list) != 0 {
		t.Errorf("carol reads %+v", list)
	}
}

func TestM1_ClientIDSendsOnce(t *testing.T) {
	s := newSite(t, nil)
	a := s.send("alice", "bob", `{"text":"once","clientId":"c1"}`)
	b := s.send("alice", "bob", `{"text":"once","clientId":"c1"}`)
	if a.ID != b.ID || len(s.history("bob", "alice", "")) != 1 {
		t.Fatalf("%s and %s", a.ID, b.ID)
	}
}

func TestM6_HistoryIsTheNewestAndPages(t *testing.T) {
	s := newSite(t, func(c *Config, _ *Parts) { c.HistoryLimit = 4 })
	var ids []string
	for i := range 10 {
		ids = append(ids, s.send("alice", "bob", fmt.Sprintf(`{"text":"m%d"}`, i)).ID)
	}
	read := func(query string) string {
		var b strings.Builder
		for _, m := range s.history("bob", "alice", query) {
			b.WriteString(m.Message)
		}
		return b.String()
	}
	for _, tt := range []struct{ query, want string }{
		{"", "m6m7m8m9"},
		{"?limit=2", "m8m9"},
		{"?limit=9999", "m0m1m2m3m4m5m6m7m8m9"},
		{"?before=" + ids[6], "m2m3m4m5"},
		{"?limit=3&before=" + ids[2], "m0m1"},
		{"?before=" + ids[0], ""},
		{"?before=&limit=", "m6m7m8m9"},
	} {
		if got := read(tt.query); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.query, got, tt.want)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=-1", "?limit=x", "?before=nothing", "?before=" + strings.Repeat("0", 600)} {
		res, body := s.as("bob", "GET", "/api/messages/alice"+query, "")
		wantError(t, res, body, wire.CodeBadPayload)
		if strings.Contains(body, "event") { // it is none
			t.Errorf("%s: %s", query, body)
		}
	}
}

func TestM6_ReactionsToggle(t *testing.T) {
	s := newSite(t, nil)
	m := s.send("alice", "bob", `{"text":"x"}`)
	react := func(user, emoji string) string {
		res, body := s.as(user, "POST", "/api/messages/react", `{"messageId":"`+m.ID+`","emoji":"`+emoji+`"}`)
		got := must[wireMessage](t, 200, res, body)
		if got.ID != m.ID || got.Reactions == nil {
			t.Fatalf("%+v", got)
		}
		return fmt.Sprint(got.Reactions)
	}
	for _, tt := range []struct{ user, emoji, want string }{
		{"bob", "👍", "[{bob 👍}]"},
		{"bob", "🎉", "[{bob 🎉}]"},
		{"alice", "🎉", "[{bob 🎉} {alice 🎉}]"},
		{"bob", "🎉", "[{alice 🎉}]"},
	} {
		if got := react(tt.user, tt.emoji); got != tt.want {
			t.Fatalf("%s %s: %s, want %s", tt.user, tt.emoji, got, tt.want)
		}
	}
}

func TestM6_EditAndDelete(t *testing.T) {
	s := newSite(t, nil)
	m := s.send("alice", "bob", `{"text":"helo"}`)
	res, body := s.as("alice", "PATCH", "/api/messages/"+m.ID, `{"text":"hello"}`)
	if got := must[wireMessage](t, 200, res, body); got.Message != "hello" || got.ID != m.ID {
		t.Fatalf("%+v", got)
	}
	res, body = s.as("bob", "DELETE", "/api/messages/"+m.ID+"?forMe=1", "")
	must[deletedAnswer](t, 200, res, body)
	if a, b := len(s.history("alice", "bob", "")), len(s.history("bob", "alice", "")); a != 1 || b != 0 {
		t.Fatalf("deleted for bob: alice sees %d, bob %d", a, b)
	}
	res, body = s.as("bob", "DELETE", "/api/messages/"+m.ID, "")
	wantError(t, res, body, wire.CodeForbidden)
	res, body = s.as("alice", "DELETE", "/api/messages/"+m.ID, "")
	if got := must[deletedAnswer](t, 200, res, body); got.MessageID != m.ID || got.Message == "" {
		t.Fatalf("%+v", got)
	}
	res, body = s.as("alice", "DELETE", "/api/messages/"+m.ID, "")
	wantError(t, res, body, wire.CodeNotFound)
	if list := s.history("alice", "bob", ""); len(list) != 0 {
		t.Fatalf("%+v", list)
	}
}

func TestM6_OnlyTheTwoTouchAMessage(t *testing.T) {
	s := newSite(t, nil)
	m := s.send("alice", "bob", `{"text":"x"}`)
	for _, tt := range []struct {
		user, method, path, body string
		code                     wire.Code
	}{
		{"carol", "DELETE", "/api/messages/" + m.ID, "", wire.CodeForbidden},
		{"carol", "DELETE", "/api/messages/" + m.ID + "?forMe=1", "", wire.CodeForbidden},
		{"carol", "PATCH", "/api/messages/" + m.ID, `{"text":"y"}`, wire.CodeForbidden},
		{"carol", "POST", "/api/messages/react", `{"messageId":"` + m.ID + `","emoji":"👍"}`, wire.CodeForbidden},
		{"bob", "PATCH", "/api/messages/" + m.ID, `{"text":"y"}`, wire.CodeForbidden},
		{"bob", "DELETE", "/api/messages/" + m.ID, "", wire.CodeForbidden},
		{"carol", "GET", "/api/messages/bob?before=" + m.ID, "", wire.CodeBadPayload},
		{"carol", "POST", "/api/messages/send/bob", `{"text":"x","replyTo":{"messageId":"` + m.ID + `"}}`, wire.CodeBadPayload},
	} {
		res, body := s.as(tt.user, tt.method, tt.path, tt.body)
		if res.StatusCode < 400 {
			t.Errorf("%s %s %s: %d %s", tt.user, tt.method, tt.path, res.StatusCode, body)
			continue
		}
		wantError(t, res, body, tt.code)
		if strings.Contains(body, `"x"`) {
			t.Errorf("%s reads %s", tt.user, body)
		}
	}
	if list := s.history("bob", "alice", ""); len(list) != 1 || list[0].Message != "x" || len(list[0].Reactions) != 0 {
		t.Fatalf("%+v", list)
	}
}

func TestM6_BadRequests(t *testing.T) {
	s := newSite(t, func(c *Config, _ *Parts) { c.MaxBody = 40 << 10 })
	m := s.send("alice", "bob", `{"text":"x"}`)
	long := strings.Repeat("x", 17<<10)
	for _, tt := range []struct {
		method, path, body string
		code               wire.Code
	}{
		{"POST", "/api/messages/send/bob", `{}`, wire.CodeBadPayload},
		{"POST", "/api/messages/send/bob", `{"text":"  \n"}`, wire.CodeBadPayload},
		{"POST", "/api/messages/send/bob", `{"text":null,"media":null}`, wire.CodeBadPayload},
		{"POST", "/api/messages/send/bob", `{"text":5}`, wire.CodeBadPayload},
		{"POST", "/api/messages/send/bob", `null`, wire.CodeBadPayload},
		{"POST", "/api/messages/send/bob", `[]`, wire.CodeBadPayload},
		{"POST", "/api/messages/send/bob", `{"text":"x"} {}`, wire.CodeBadPayload},
		{"POST", "/api/messages/send/bob", `{"text":"x"`, wire.CodeBadPayload},
		{"POST", "/api/messages/send/bob", `{"text":"x","media":"javascript:alert(1)"}`, wire.CodeBadPayload},
		{"POST", "/api/messages/send/bob", `{"text":"x","replyTo":{"messageId":"aaaaaaaaaaaaaaaaaaaaaaaa"}}`, wire.CodeBadPayload},
		{"POST", "/api/messages/send/bob", `{"text":"` + long + `"}`, wire.CodeTooLarge},
		{"POST", "/api/messages/send/bob", `{"text":"` + long + long + long + `"}`, wire.CodeTooLarge},
		{"POST", "/api/messages/send/null", `{"text":"x"}`, wire.CodeBadPayload},
		{"POST", "/api/messages/send/" + strings.Repeat("b", 200), `{"text":"x"}`, wire.CodeBadPayload},
		{"GET", "/api/messages/undefined", "", wire.CodeBadPayload},
		{"POST", "/api/messages/react", `{"emoji":"👍"}`, wire.CodeBadPayload},
		{"POST", "/api/messages/react", `{"messageId":"` + m.ID + `"}`, wire.CodeBadPayload},
		{"POST", "/api/messages/react", `{"messageId":"` + m.ID + `","emoji":"` + strings.Repeat("👍", 40) + `"}`, wire.CodeBadPayload},
		{"POST", "/api/messages/react", `{"messageId":"nothing","emoji":"👍"}`, wire.CodeNotFound},
		{"DELETE", "/api/messages/nothing", "", wire.CodeNotFound},
		{"DELETE", "/api/messages/" + strings.Repeat("a", 400), "", wire.CodeNotFound},
		{"DELETE", "/api/messages/" + m.ID + "?forMe=perhaps", "", wire.CodeBadPayload},
		{"PATCH", "/api/messages/" + m.ID, `{}`, wire.CodeBadPayload},
		{"PATCH", "/api/messages/" + m.ID, `{"text":""}`, wire.CodeBadPayload},
		{"PATCH", "/api/messages/aaaaaaaaaaaaaaaaaaaaaaaa", `{"text":"y"}`, wire.CodeNotFound},
		{"PUT", "/api/messages/" + m.ID, `{}`, wire.CodeMethodNotAllowed},
		{"GET", "/api/messages/send/bob", "", wire.CodeMethodNotAllowed},
		{"GET", "/api/conversations?limit=0", "", wire.CodeBadPayload},
		{"GET", "/api/conversations?cursor=nonsense", "", wire.CodeBadPayload},
		{"GET", "/api/calls?cursor=nonsense", "", wire.CodeBadPayload},
		{"POST", "/api/calls/seen", `{"until":"yesterday"}`, wire.CodeBadPayload},
		{"POST", "/api/calls/seen", `{"until":-1}`, wire.CodeBadPayload},
		{"POST", "/api/calls/seen", `{"until":1e99}`, wire.CodeBadPayload},
	} {
		res, body := s.as("alice", tt.method, tt.path, tt.body)
		if res.StatusCode != tt.code.HTTPStatus() {
			t.Errorf("%s %s %.60s: %d %.200s, want %s", tt.method, tt.path, tt.body, res.StatusCode, body, tt.code)
			continue
		}
		wantError(t, res, body, tt.code)
	}
	if list := s.history("bob", "alice", ""); len(list) != 1 || list[0].Message != "x" {
		t.Fatalf("%+v", list)
	}
}

// TestM6_StrangeUserIDs go through the path as they are.
func TestM6_StrangeUserIDs(t *testing.T) {
	s := newSite(t, nil)
	for id, path := range map[string]string{
		"a/b": "a%2Fb", "100%": "100%25", "a b": "a%20b", "ü": "%C3%BC", "send": "send", "a%2Fb": "a%252Fb", "x?y#z": "x%3Fy%23z", "+1-555": "+1-555",
	} {
		m := s.send("alice", path, `{"text":"x"}`)
		if m.ReceiverID != id {
			t.Errorf("%s: sent to %q", path, m.ReceiverID)
		}
		if list := s.history("alice", path, ""); len(list) != 1 || list[0].ID != m.ID {
			t.Errorf("%s: %+v", path, list)
		}
	}
}

func TestM6_Conversations(t *testing.T) {
	s := newSite(t, nil)
	res, body := s.as("alice", "GET", "/api/conversations", "")
	if res.StatusCode != 200 || body != `{"conversations":[]}` {
		t.Fatalf("none yet: %d %s", res.StatusCode, body)
	}
	for _, peer := range []string{"bob", "carol", "dave"} {
		s.send("alice", peer, `{"text":"to `+peer+`"}`)
	}
	s.send("bob", "alice", `{"text":"one"}`)
	s.send("bob", "alice", `{"text":"two"}`)
	type answer struct {
		Conversations []struct {
			Peer        string
			LastMessage wireMessage
			Unread      int
		}
		Next string
	}
	var got []string
	cursor := ""
	for range 5 {
		res, body := s.as("alice", "GET", "/api/conversations?limit=2&cursor="+cursor, "")
		a := must[answer](t, 200, res, body)
		for _, c := range a.Conversations {
			got = append(got, fmt.Sprintf("%s %s %d", c.Peer, c.LastMessage.Message, c.Unread))
		}
		if cursor = a.Next; cursor == "" {
			break
		}
	}
	if want := "bob two 2, dave to dave 0, carol to carol 0"; strings.Join(got, ", ") != want {
		t.Fatalf("%v, want %s", got, want)
	}
}

func TestI5_MessagesByCookie(t *testing.T) {
	origins, err := auth.NewOrigins("https://app.example")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(c *Config, _ *Parts) { c.Origins = origins })
	cookie := []string{"Cookie", "jwt=" + mint(t, "alice"), "Origin", "https://app.example"}
	res, body := s.ask("POST", "/api/messages/send/bob", `{"text":"by cookie"}`, cookie...)
	m := must[wireMessage](t, 201, res, body)
	if res.Header.Get("Access-Control-Allow-Origin") != "https://app.example" || m.SenderID != "alice" {
		t.Fatalf("%v %+v", res.Header, m)
	}
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
		code                     wire.Code
	}{
		{"a foreign page deletes", "DELETE", "/api/messages/" + m.ID, "", []string{cookie[0], cookie[1], "Origin", "https://evil.example"}, wire.CodeOriginNotAllowed},
		{"no origin", "DELETE", "/api/messages/" + m.ID, "", cookie[:2], wire.CodeOriginNotAllowed},
		{"a foreign page reads", "GET", "/api/messages/bob", "", []string{cookie[0], cookie[1], "Origin", "https://evil.example"}, wire.CodeOriginNotAllowed},
		{"a form", "POST", "/api/messages/send/bob", "text=x", append(cookie[:4:4], "Content-Type", "application/x-www-form-urlencoded"), wire.CodeBadPayload},
		{"a delete with a form", "DELETE", "/api/messages/" + m.ID, "a=b", append(cookie[:4:4], "Content-Type", "text/plain"), wire.CodeBadPayload},
		{"nobody", "GET", "/api/messages/bob", "", nil, wire.CodeUnauthorized},
		{"a bad token", "GET", "/api/messages/bob", "", []string{"Authorization", "Bearer rubbish"}, wire.CodeUnauthorized},
		{"nobody sends", "POST", "/api/messages/send/bob", `{"text":"x"}`, nil, wire.CodeUnauthorized},
	} {
		res, body := s.ask(tt.method, tt.path, tt.body, tt.headers...)
		if res.StatusCode != tt.code.HTTPStatus() {
			t.Errorf("%s: %d %s", tt.name, res.StatusCode, body)
			continue
		}
		wantError(t, res, body, tt.code)
	}
	res, body = s.ask("DELETE", "/api/messages/"+m.ID, "", cookie...)
	must[deletedAnswer](t, 200, res, body)
	res, _ = s.ask("OPTIONS", "/api/messages/"+m.ID, "", "Origin", "https://app.example", "Access-Control-Request-Method", "DELETE")
	if res.StatusCode != 204 || !strings.Contains(res.Header.Get("Access-Control-Allow-Methods"), "DELETE") {
		t.Fatalf("preflight: %d %v", res.StatusCode, res.Header)
	}
}

// TestC15_TokensMayLeaveMessagesOut: what is there can be read and taken back.
func TestC15_TokensMayLeaveMessagesOut(t *testing.T) {
	s := newSite(t, nil)
	m := s.send("alice", "bob", `{"text":"x"}`)
	token, err := auth.Mint(testSecret, "alice", time.Now(), time.Hour, map[string]any{"can": []string{"call"}})
	if err != nil {
		t.Fatal(err)
	}
	calls := []string{"Authorization", "Bearer " + token}
	for _, r := range [][3]string{
		{"POST", "/api/messages/send/bob", `{"text":"y"}`}, {"PATCH", "/api/messages/" + m.ID, `{"text":"y"}`},
		{"POST", "/api/messages/react", `{"messageId":"` + m.ID + `","emoji":"👍"}`},
	} {
		res, body := s.ask(r[0], r[1], r[2], calls...)
		wantError(t, res, body, wire.CodeForbidden)
	}
	res, body := s.ask("GET", "/api/messages/bob", "", calls...)
	if list := must[[]wireMessage](t, 200, res, body); len(list) != 1 || list[0].Message != "x" || len(list[0].Reactions) != 0 {
		t.Fatalf("%+v", list)
	}
	res, body = s.ask("DELETE", "/api/messages/"+m.ID, "", calls...)
	must[deletedAnswer](t, 200, res, body)
}

func TestI4_MessagesOfAnOpenServerNeedAName(t *testing.T) {
	s := newSite(t, func(_ *Config, p *Parts) { p.Verifier = newVerifier(t, auth.Config{}) })
	res, body := s.ask("GET", "/api/messages/bob", "")
	wantError(t, res, body, wire.CodeUnauthorized)
	res, body = s.ask("POST", "/api/messages/send/bob?userId=alice", `{"text":"x"}`)
	if m := must[wireMessage](t, 201, res, body); m.SenderID != "alice" {
		t.Fatalf("%+v", m)
	}
}
