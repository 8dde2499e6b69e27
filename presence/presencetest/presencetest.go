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

// Run runs the whole suite; fresh gives each test an empty world.
func Run(t *testing.T, fresh func(t *testing.T) World) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, World)
	}{
		{"P1_SessionsOfAUser", sessionsOfAUser},
		{"P1_AddAndRemoveTwice", addAndRemoveTwice},
		{"P1_NoLeaseNoSession", noLeaseNoSession},
		{"P1_LeaseLostIsNoticed", leaseLostIsNoticed},
		{"P1_NewEpochInheritsNothing", newEpochInheritsNothing},
		{"P1_NameIsTaken", nameIsTaken},
		{"P4_OnlinePages", onlinePages},
		{"P4_VersionFollowsTheSet", versionFollowsTheSet},
		{"P5_CleanEndIsOfflineAtOnce", cleanEndIsOfflineAtOnce},
		{"P5_VanishedHasAGrace", vanishedHasAGrace},
		{"P5_BackWithinTheGrace", backWithinTheGrace},
		{"P5_WatchersHearOfChanges", watchersHearOfChanges},
		{"P5_InterestIsCounted", interestIsCounted},
		{"P5_DevicesAreCountedOnce", devicesAreCountedOnce},
		{"P5_LeaveVanishesSessions", leaveVanishesSessions},
		{"P5_FlipsAreToldOnce", flipsAreToldOnce},
		{"P5_DeadNodeFlips", deadNodeFlips},
		{"P1_RandomWorldsAgreeWithTheModel", randomSessions},
		{"C4_OpenTakesBothMarks", openTakesBothMarks},
		{"C4_OpenIsAllOrNothing", openIsAllOrNothing},
		{"C4_OneOfManyRacersWins", oneOfManyRacersWins},
		{"C4_EndedCallsHoldNobody", endedCallsHoldNobody},
		{"C4_MoveTakesTheMark", moveTakesTheMark},
		{"C4_TheMarkGoesOn", theMarkGoesOn},
		{"C8_CrossingCallsLeaveOne", crossingCallsLeaveOne},
		{"C8_ACircleLeavesOne", aCircleLeavesOne},
		{"C3_UnsettledCallsComeBack", unsettledCallsComeBack},
		{"C12_SaveIsCompareAndSet", saveIsCompareAndSet},
		{"C1_ByClientID", byClientID},
		{"C3_EndedCallsAreFoundForAWhile", endedCallsAreFound},
		{"C6_DueCalls", dueCalls},
		{"C4_RandomCallsLeaveNobodyBusy", randomCalls},
		{"P3_OrderPerPair", orderPerPair},
		{"P3_MustIsAnswered", mustIsAnswered},
		{"P3_NobodyThere", nobodyThere},
		{"P3_NewEpochNewInbox", newEpochNewInbox},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
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
