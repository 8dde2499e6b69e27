package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
)

// LogCall implements chat.CallLog.
func (s *Store) LogCall(ctx context.Context, r call.Record) error {
	return s.do(ctx, func(ctx context.Context) error {
		doc := bson.D{
			{Key: "_id", Value: r.ID}, {Key: "caller", Value: value(r.Caller)}, {Key: "callee", Value: value(r.Callee)},
			{Key: "reason", Value: string(r.Reason)}, {Key: "isVideoCall", Value: r.Video}, {Key: "startedAt", Value: r.Started}, {Key: "endedAt", Value: r.Ended},
			{Key: "durationMs", Value: r.Duration.Milliseconds()}, {Key: "missed", Value: r.Missed()},
		}
		if !r.Answered.IsZero() {
			doc = append(doc, bson.E{Key: "answeredAt", Value: r.Answered})
		}
		for key, v := range map[string]string{"callerDevice": r.CallerDevice, "calleeDevice": r.CalleeDevice, "next": r.Next} {
			if v != "" {
				doc = append(doc, bson.E{Key: key, Value: v})
			}
		}
		_, err := s.calls.InsertOne(ctx, doc)
		if isDuplicate(err) {
			return nil
		}
		return err
	})
}

// Calls implements chat.CallLog.
func (s *Store) Calls(ctx context.Context, user, cursor string, limit int) (list []chat.LoggedCall, next string, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		list = []chat.LoggedCall{}
		var older []bson.E
		if cursor != "" {
			at, id, err := s.tag.Parse(cursor, chat.CallCursor, 1)
			if err != nil {
				return err
			}
			ended := time.UnixMilli(at[0])
			older = []bson.E{{Key: "$or", Value: bson.A{
				bson.D{{Key: "endedAt", Value: bson.D{{Key: "$lt", Value: ended}}}},
				bson.D{{Key: "endedAt", Value: ended}, {Key: "_id", Value: bson.D{{Key: "$lt", Value: id}}}},
			}}}
		}
		looked, err := s.looked(ctx, user)
		if err != nil {
			return err
		}
		ofUser := func(field string) bson.D { return append(bson.D{{Key: field, Value: value(user)}}, older...) }
		opts := options.Find().SetSort(bson.D{{Key: "endedAt", Value: -1}, {Key: "_id", Value: -1}}).SetLimit(int64(limit) + 1)
		filter := bson.D{{Key: "$or", Value: bson.A{ofUser("caller"), ofUser("callee")}}}
		if err := s.each(ctx, s.calls, filter, opts, func(raw bson.Raw) error {
			list = append(list, readCall(raw, user, looked))
			return nil
		}); err != nil {
			return err
		}
		if len(list) > limit {
			list = list[:limit]
			last := list[limit-1]
			next = s.tag.Pack(chat.CallCursor, last.ID, last.Ended.UnixMilli())
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return list, next, nil
}

func readCall(raw bson.Raw, user string, looked time.Time) chat.LoggedCall {
	get := func(key string) bson.RawValue { return raw.Lookup(key) }
	yes := func(key string) bool {
		v, ok := get(key).BooleanOK()
		return v && ok
	}
	c := chat.LoggedCall{Record: call.Record{
		ID: text(get("_id")), Caller: text(get("caller")), Callee: text(get("callee")), Reason: call.Reason(text(get("reason"))), Video: yes("isVideoCall"),
		Started: instant(get("startedAt")), Answered: instant(get("answeredAt")), Ended: instant(get("endedAt")),
		Duration:     time.Duration(number(get("durationMs"))) * time.Millisecond,
		CallerDevice: text(get("callerDevice")), CalleeDevice: text(get("calleeDevice")), Next: text(get("next")),
	}}
	c.Missed = yes("missed") && c.Callee == user
	c.New = c.Missed && c.Ended.After(looked)
	return c
}

// looked is until when a user has looked at the missed calls.
func (s *Store) looked(ctx context.Context, user string) (time.Time, error) {
	raw, err := s.heads.FindOne(ctx, bson.D{{Key: "_id", Value: user}}).Raw()
	if isNone(err) {
		return time.Time{}, nil
	}
	return instant(raw.Lookup("looked")), err
}

// MissedCalls implements chat.CallLog.
func (s *Store) MissedCalls(ctx context.Context, user string) (n int, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		looked, err := s.looked(ctx, user)
		if err != nil {
			return err
		}
		filter := bson.D{{Key: "callee", Value: value(user)}, {Key: "missed", Value: true}}
		if !looked.IsZero() {
			filter = append(filter, bson.E{Key: "endedAt", Value: bson.D{{Key: "$gt", Value: looked}}})
		}
		count, err := s.calls.CountDocuments(ctx, filter)
		n = int(count)
		return err
	})
	return n, err
}

// SeeCalls implements chat.CallLog.
func (s *Store) SeeCalls(ctx context.Context, user string, until time.Time) error {
	return s.do(ctx, func(ctx context.Context) error {
		_, err := s.findAndUpdate(ctx, s.heads, bson.D{{Key: "_id", Value: user}},
			bson.D{{Key: "$max", Value: bson.D{{Key: "looked", Value: until}}}}, "", true)
		return err
	})
}
