// Package chattest is the contract of package chat as a test suite: every store
// passes the same tests.
package chattest

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// Open gives another store over the same data, as another node has.
type Open func() chat.Store

// Run runs the whole suite; fresh gives each test data of its own, still empty.
// The suite closes the stores that it opens.
func Run(t *testing.T, fresh func(t *testing.T) Open) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"M1_AddFillsIn", addFillsIn},
		{"M1_EveryFieldIsKept", everyFieldIsKept},
		{"M1_ClientIDIsIdempotent", clientIDIsIdempotent},
		{"M1_ManyAtOnce", addMany},
		{"M1_ConcurrentSendsUnderOneClientID", concurrentClientID},
		{"M1_AckedIsThereAfterReopening", reopened},
		{"M1_AckedWhileClosingIsThere", ackedWhileClosing},
		{"M2_StatusOnlyRises", statusOnlyRises},
		{"M2_OnlyTheReceiverMarks", onlyTheReceiverMarks},
		{"M2_EachRiseIsToldOnce", eachRiseOnce},
		{"M2_MarkDelivered", markDelivered},
		{"M2_MarkAll", markAll},
		{"M2_CountsAgreeWithAModel", countsAgree},
		{"M6_HistoryPages", historyPages},
		{"M6_HistoryOfConcurrentSends", historyConcurrent},
		{"M6_HistoryCursors", historyCursors},
		{"M6_Update", update},
		{"M6_ReactionsRace", reactionsRace},
		{"M6_Edits", edits},
		{"M6_Remove", remove},
		{"M6_OneOfManyRemoves", removeOnce},
		{"M6_DeletedForOne", hidden},
		{"M6_Conversations", conversations},
		{"M6_ConversationPages", conversationPages},
		{"P4_Partners", partners},
		{"M3_WhatTheJournalTells", journalTells},
		{"M3_AllSeenIsOneChange", journalAllSeen},
		{"M3_SeenUntilSparesWhatComesAfter", seenUntil},
		{"M3_DeletedInTheJournal", journalDeleted},
		{"M3_ContentComesBeforeItsReceipts", contentFirst},
		{"M3_Pages", journalPages},
		{"M3_Head", journalHead},
		{"M3_Cursors", journalCursors},
		{"M3_RandomWritersAndReaders", randomJournal},
		{"C14_EachCallOnce", eachCallOnce},
		{"C14_CallPages", callPages},
		{"C14_MissedCalls", missedCalls},
		{"C14_CallCursors", callCursors},
		{"C15_Blocks", blocks},
		{"C15_MessageThatItsReceiverNeverSees", neverSeen},
		{"M8_Export", export},
		{"M8_Erase", erase},
		{"M8_Expire", expire},
		{"StrangeIDs", strangeIDs},
		{"StrangePairs", strangePairs},
		{"StrangeTexts", strangeTexts},
		{"EndedContext", endedContext},
		{"ClosedStore", closedStore},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
	}
}

// open opens a store that is closed with the test.
func open(t *testing.T, w Open) chat.Store {
	t.Helper()
	s := w()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func is(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: error %v, want %v", what, err, want)
	}
}

func add(t testing.TB, s chat.Store, from, to, text string) *chat.Message {
	t.Helper()
	m, created, err := s.Add(context.Background(), chat.Message{Sender: from, Receiver: to, Text: text})
	must(t, err)
	if !created || m == nil {
		t.Fatalf("a message without a client id was taken for another: %+v", m)
	}
	return m
}

func get(t testing.TB, s chat.Store, id string) *chat.Message {
	t.Helper()
	m, err := s.Get(context.Background(), id)
	must(t, err)
	return m
}

func history(t testing.TB, s chat.Store, user, peer, before string, limit int) []*chat.Message {
	t.Helper()
	list, err := s.History(context.Background(), user, peer, before, limit)
	must(t, err)
	return list
}

func texts(list []*chat.Message) []string {
	out := make([]string, 0, len(list))
	for _, m := range list {
		out = append(out, m.Text)
	}
	return out
}

func mark(t testing.TB, s chat.Store, reader, id string, to chat.Status) (rose bool) {
	t.Helper()
	_, rose, err := s.Mark(context.Background(), reader, id, to)
	must(t, err)
	return rose
}

func change(t testing.TB, s chat.Store, id string, by chat.Change) *chat.Message {
	t.Helper()
	m, changed, err := s.Update(context.Background(), id, by)
	must(t, err)
	if !changed {
		t.Fatalf("message %s was not changed", id)
	}
	return m
}

// together runs f n times at once and waits for all.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}
