package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// Errors of a server, each wrapped in chat.ErrUnavailable.
var (
	ErrClosed = errors.New("the store is closed")
	ErrAway   = errors.New("MongoDB is not to be reached")
	ErrSlow   = errors.New("MongoDB does not answer in time")
	// ErrRefused: it answers, but does not do it just now: no primary, shutting
	// down, no space left.
	ErrRefused = errors.New("MongoDB refuses")
)

// wrap gives an error of the driver the names of this package. Errors of the
// contract, of rules and of the caller's context stay as they are.
func wrap(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if end := ctx.Err(); end != nil && (errors.Is(err, end) || driver.IsTimeout(err) || driver.IsNetworkError(err)) {
		return end
	}
	var coded interface{ Code() string }
	var own *ruleError
	var server driver.ServerError
	switch {
	case errors.As(err, &own):
		return own.error
	case errors.As(err, &coded):
		return err
	case errors.Is(err, driver.ErrClientDisconnected):
		return unavailable(ErrClosed, err)
	case strings.Contains(err.Error(), "server selection error"):
		return unavailable(ErrAway, err)
	case driver.IsTimeout(err), errors.Is(err, context.DeadlineExceeded):
		return unavailable(ErrSlow, err)
	case errors.As(err, &server):
		if server.HasErrorLabel("NetworkError") {
			return unavailable(ErrAway, err)
		}
		for _, code := range refusals {
			if server.HasErrorCode(code) {
				return unavailable(ErrRefused, err)
			}
		}
		return fmt.Errorf("chat/mongo: %w", err)
	case driver.IsNetworkError(err), strings.Contains(err.Error(), "connection"):
		return unavailable(ErrAway, err)
	}
	return fmt.Errorf("chat/mongo: %w", err)
}

// refusals are the codes of a server that may do it later: host unreachable, not
// found, no primary, stepping down, shutting down, no space, exceeded time.
var refusals = []int{6, 7, 50, 89, 91, 189, 262, 10107, 11600, 11602, 13435, 13436, 14031, 9001}

// unavailable names what is wrong. The driver's own error is told, but is no part
// of it: it may be the end of a context that was not the caller's.
func unavailable(what, why error) error {
	return fmt.Errorf("%w: %w (%s)", chat.ErrUnavailable, what, why.Error())
}

// ruleError is an error of a caller's function, on its way out as it is.
type ruleError struct{ error }

func isNone(err error) bool { return errors.Is(err, driver.ErrNoDocuments) }

// isDuplicate: a document with this unique value is there already.
func isDuplicate(err error) bool { return driver.IsDuplicateKeyError(err) }

// isTooLarge: the document would be larger than MongoDB takes (BSONObjectTooLarge,
// and the two codes of an update that makes it so).
func isTooLarge(err error) bool {
	var server driver.ServerError
	return errors.As(err, &server) && (server.HasErrorCode(10334) || server.HasErrorCode(17419) || server.HasErrorCode(17420))
}
