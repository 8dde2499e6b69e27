package presence

import (
	"context"
	"fmt"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// Calls is the map of active calls: records under compare-and-set, one busy
// mark per user, and the timers of the records. It knows no call rules; those
// are in package call.
type Calls interface {
	// Open stores a new call and takes the busy mark of each user in marks for
	// it, all or nothing. A user who has live calls is marked with one of them,
	// so that no mark means no call. A mark that points to a live call is in the way, and
	// Open returns it as *Held, unless the call's id is in over: then the
	// caller has decided to take it.
	Open(ctx context.Context, c *call.Call, marks []string, over ...string) error
	// Load returns the record as last saved. It is shared: do not change it.
	Load(ctx context.Context, id string) (*call.Call, error)
	// Save stores c if the record's version still is was, else ErrConflict. A
	// saved call that has ended gives up the marks that point to it, and is
	// kept for a while so that late events find it.
	Save(ctx context.Context, c *call.Call, was uint64) error
	// Mark returns the id of the live call that holds the user's busy mark, or
	// "".
	Mark(ctx context.Context, user string) (string, error)
	// Move makes the user's mark point to the live call id, whatever held it.
	Move(ctx context.Context, user, id string) error
	// CallsOf lists the live calls in which the user is a party, marked or
	// not.
	CallsOf(ctx context.Context, user string) ([]string, error)
	// LastOf returns the id of the user's call that ended last, while it is
	// kept, or "".
	LastOf(ctx context.Context, user string) (string, error)
	// ByClientID finds the call that this caller opened under its own id, live
	// or lately ended, or "".
	ByClientID(ctx context.Context, user, clientID string) (string, error)
	// Due lists up to limit calls whose deadline has come, and ended ones that
	// nobody has settled in time. A call that is not stepped or settled then is
	// due again after a second.
	Due(ctx context.Context, limit int) ([]string, error)
	// Settled says that all effects of an ended call were handed over: until
	// then it comes back with Due, in case that the node which ended it died
	// before it told anybody. Where nothing is shared it does nothing.
	Settled(ctx context.Context, id string)
	// Shared reports whether other nodes work on the same records. Only then
	// are a step's effects kept in the record until they are handed over: what
	// dies with its own process needs no witness.
	Shared() bool
	// LiveCalls counts the calls that have not ended.
	LiveCalls(ctx context.Context) (int, error)
}

// Held is the error of an Open that met another live call.
type Held struct {
	User string // whose mark it is
	Call string // the live call that holds it
}

func (h *Held) Error() string { return fmt.Sprintf("presence: %s is held by call %s", h.User, h.Call) }
