package signaling

import (
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
)

// Config of a Switchboard. Zero values take the defaults named.
type Config struct {
	// Call holds the times and bounds of the call machine
	// (call.DefaultConfig).
	Call call.Config
	// WakeRing is how long a call rings for somebody who is offline and can be
	// woken, if Call.OfflineRing is 0; 0: not at all. C5.
	WakeRing time.Duration

	// PresenceInterval is the least time between two getOnlineUsers
	// broadcasts (1 s), PresenceLimit the number of online users up to which
	// everybody is told of everybody (500). P4.
	PresenceInterval time.Duration
	PresenceLimit    int

	// CallPing and CallPingTimeout are the heartbeat of sessions in a call
	// (5 s: a ping; 10 s without a sign of life: vanished). C9.
	CallPing, CallPingTimeout time.Duration

	// TypingExpiry is after how long a typing indicator ends by itself (6 s),
	// TypingRate and TypingBurst how many typing events per second a session
	// may send before they are dropped silently (10, 20). M4.
	TypingExpiry time.Duration
	TypingRate   float64
	TypingBurst  int

	// EventRate and EventBurst bound all events of a session (50/s, 200). One
	// over it is refused with rate_limited; a session that goes on for
	// several bursts is closed. O4.
	EventRate  float64
	EventBurst int
	// CallsPerMinute bounds the calls that a user may start (30). O4.
	CallsPerMinute int
	// SessionsPerUser bounds the devices of a user at one time (20). O4.
	SessionsPerUser int

	// TokenLeeway is how long after its token ran out a session may go on: as
	// long as such a token is still accepted.
	TokenLeeway time.Duration
	// AuthExpiringBefore is how long before its token runs out an extended
	// client hears auth:expiring (60 s). I3.
	AuthExpiringBefore time.Duration

	// ICEServers is answered to ice:servers (RTCIceServer objects), ICETTL how
	// long they are good for (24 h).
	ICEServers json.RawMessage
	ICETTL     time.Duration

	// Renew is how often the node's lease is renewed (1 s): several times
	// within it.
	Renew time.Duration
	// Tick is how often the switchboard looks for calls that are due
	// (200 ms).
	Tick time.Duration

	// ProfileFields are the fields of a profile that reach others, next to
	// _id (I2). Default: username, fullName, name, profilePic, gender, and
	// the spellings fullname and profilepic.
	ProfileFields []string

	// Chat is what people may write; HistoryLimit is how many messages of a
	// conversation a base device is sent after one was deleted (500, M7).
	Chat         chat.Config
	HistoryLimit int

	// StatusPause is how much later base devices hear how far a message has come:
	// they know the message from the answer to a request, which may need longer
	// than the socket (0: not at all). M1.
	StatusPause time.Duration

	Now    func() time.Time
	Logger *slog.Logger
}

// Validate fills in defaults and checks the rest.
func (c *Config) Validate() error {
	dur := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	num := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	dur(&c.PresenceInterval, time.Second)
	dur(&c.CallPing, 5*time.Second)
	dur(&c.CallPingTimeout, 10*time.Second)
	dur(&c.TypingExpiry, 6*time.Second)
	dur(&c.AuthExpiringBefore, time.Minute)
	dur(&c.ICETTL, 24*time.Hour)
	dur(&c.Tick, 200*time.Millisecond)
	dur(&c.Renew, time.Second)
	num(&c.PresenceLimit, 500)
	num(&c.TypingBurst, 20)
	num(&c.EventBurst, 200)
	num(&c.CallsPerMinute, 30)
	num(&c.SessionsPerUser, 20)
	num(&c.HistoryLimit, 500)
	if c.TypingRate == 0 {
		c.TypingRate = 10
	}
	if c.EventRate == 0 {
		c.EventRate = 50
	}
	if c.ICEServers == nil {
		c.ICEServers = json.RawMessage("[]")
	}
	if c.ProfileFields == nil {
		c.ProfileFields = []string{"username", "fullName", "fullname", "name", "profilePic", "profilepic", "gender"}
	}
	if c.Call == (call.Config{}) {
		c.Call = call.DefaultConfig()
	}
	if c.Chat == (chat.Config{}) {
		c.Chat = chat.DefaultConfig()
	}
	if err := c.Chat.Validate(); err != nil {
		return err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if !json.Valid(c.ICEServers) {
		return errors.New("signaling: ICE servers are not valid JSON")
	}
	for _, d := range []time.Duration{c.PresenceInterval, c.CallPing, c.CallPingTimeout, c.TypingExpiry, c.Tick, c.Renew} {
		if d < 0 {
			return errors.New("signaling: a time can not be negative")
		}
	}
	if c.CallPingTimeout <= c.CallPing {
		return errors.New("signaling: the call ping timeout has to be longer than the call ping interval")
	}
	if c.TypingRate < 0 || c.EventRate < 0 || c.CallsPerMinute < 0 || c.SessionsPerUser < 0 || c.PresenceLimit < 0 || c.WakeRing < 0 {
		return errors.New("signaling: a limit can not be negative")
	}
	return c.Call.Validate()
}
