// Package presencetest is the contract of package presence as a test suite:
// every implementation passes the same tests, on a World that says how nodes
// join it and how time passes in it.
package presencetest

import (
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// World is one shared store and its clock.
type World interface {
	// Join takes a membership.
	Join(name string, h presence.Handler) (presence.Store, error)
	// Pass lets time go by: all of d on the clock that the store uses. Leases
	// are not renewed by it.
	Pass(d time.Duration)
	// Now is that clock.
	Now() time.Time
	// Lease and Grace are the world's settings.
	Lease() time.Duration
	Grace() time.Duration
}

// Run runs the whole suite; fresh gives each test an empty world. Where time passes
// by itself, leases have to be short in tests that wait for the end of one (dies),
// and longer than a machine may stand still in all others.
func Run(t *testing.T, fresh func(t *testing.T, dies bool) World) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, World)
		dies bool
	}{
		{"P1_SessionsOfAUser", sessionsOfAUser, false},
		{"P1_AddAndRemoveTwice", addAndRemoveTwice, false},
		{"P1_NoLeaseNoSession", noLeaseNoSession, true},
		{"P1_LeaseLostIsNoticed", leaseLostIsNoticed, true},
		{"P1_NewEpochInheritsNothing", newEpochInheritsNothing, true},
		{"P1_NameIsTaken", nameIsTaken, true},
		{"P4_OnlinePages", onlinePages, false},
		{"P4_VersionFollowsTheSet", versionFollowsTheSet, false},
		{"P5_CleanEndIsOfflineAtOnce", cleanEndIsOfflineAtOnce, false},
		{"P5_VanishedHasAGrace", vanishedHasAGrace, false},
		{"P5_BackWithinTheGrace", backWithinTheGrace, false},
		{"P5_WatchersHearOfChanges", watchersHearOfChanges, false},
		{"P5_InterestIsCounted", interestIsCounted, false},
		{"P5_DevicesAreCountedOnce", devicesAreCountedOnce, false},
		{"P5_LeaveVanishesSessions", leaveVanishesSessions, false},
		{"P5_FlipsAreToldOnce", flipsAreToldOnce, false},
		{"P5_DeadNodeFlips", deadNodeFlips, true},
		{"P1_RandomWorldsAgreeWithTheModel", randomSessions, false},
		{"C4_OpenTakesBothMarks", openTakesBothMarks, false},
		{"C4_OpenIsAllOrNothing", openIsAllOrNothing, false},
		{"C4_OneOfManyRacersWins", oneOfManyRacersWins, false},
		{"C4_EndedCallsHoldNobody", endedCallsHoldNobody, false},
		{"C4_MoveTakesTheMark", moveTakesTheMark, false},
		{"C4_TheMarkGoesOn", theMarkGoesOn, false},
		{"C8_CrossingCallsLeaveOne", crossingCallsLeaveOne, false},
		{"C8_ACircleLeavesOne", aCircleLeavesOne, false},
		{"C3_UnsettledCallsComeBack", unsettledCallsComeBack, false},
		{"C12_SaveIsCompareAndSet", saveIsCompareAndSet, false},
		{"C1_ByClientID", byClientID, false},
		{"C3_EndedCallsAreFoundForAWhile", endedCallsAreFound, false},
		{"C6_DueCalls", dueCalls, false},
		{"C4_RandomCallsLeaveNobodyBusy", randomCalls, false},
		{"P3_OrderPerPair", orderPerPair, false},
		{"P3_MustIsAnswered", mustIsAnswered, false},
		{"P3_NobodyThere", nobodyThere, true},
		{"P3_NewEpochNewInbox", newEpochNewInbox, true},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t, test.dies)) })
	}
}

func join(t testing.TB, w World, name string, watched func(presence.State)) presence.Store {
	t.Helper()
	return joinAs(t, w, name, &Handler{OnWatched: watched})
}

func joinAs(t testing.TB, w World, name string, h presence.Handler) presence.Store {
	t.Helper()
	s, err := w.Join(name, h)
	if err != nil {
		t.Fatalf("join %s: %v", name, err)
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
