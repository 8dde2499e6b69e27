package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// index is a list of fields; a - before one is for descending.
type index struct {
	collection *driver.Collection
	name       string
	fields     []string
	unique     bool // and sparse: documents without the field do not meet
}

// makeIndexes makes those that are not there; all have names of their own, next
// to which existing programs may have others.
func (s *Store) makeIndexes(ctx context.Context) error {
	for _, i := range []index{
		// History of two people, newest first, and what is between them.
		{s.messages, "tandem_history", []string{"senderId", "receiverId", "-createdAt", "-_id"}, false},
		{s.messages, "tandem_unread", []string{"receiverId", "senderId", "status"}, false},
		{s.messages, "tandem_client", []string{"tandem.key"}, true},
		// What other programs wrote, and what journals may not have.
		{s.messages, "tandem_sent_new", []string{"senderId", "tandem.v", "_id"}, false},
		{s.messages, "tandem_received_new", []string{"receiverId", "tandem.v", "_id"}, false},
		{s.messages, "tandem_open", []string{"tandem.open"}, false},
		{s.messages, "tandem_age", []string{"createdAt"}, false},
		{s.conversations, "tandem_participants", []string{"participants"}, false},
		{s.talks, "tandem_users", []string{"users", "-last"}, false},
		{s.talks, "tandem_due_a", []string{"due.a.since"}, false},
		{s.talks, "tandem_due_b", []string{"due.b.since"}, false},
		{s.journals, "tandem_user", []string{"user", "k"}, false},
		{s.journals, "tandem_age", []string{"until"}, false},
		{s.calls, "tandem_caller", []string{"caller", "-endedAt", "-_id"}, false},
		{s.calls, "tandem_callee", []string{"callee", "-endedAt", "-_id"}, false},
		{s.calls, "tandem_age", []string{"endedAt"}, false},
		{s.blocks, "tandem_user", []string{"user", "other"}, false},
		{s.blocks, "tandem_other", []string{"other"}, false},
	} {
		if err := i.make(ctx); err != nil {
			return fmt.Errorf("index %s of %s: %w", i.name, i.collection.Name(), err)
		}
	}
	return nil
}

func (i index) make(ctx context.Context) error {
	keys := bson.D{}
	for _, f := range i.fields {
		way := 1
		if f[0] == '-' {
			f, way = f[1:], -1
		}
		keys = append(keys, bson.E{Key: f, Value: way})
	}
	opts := options.Index().SetName(i.name)
	if i.unique {
		opts.SetUnique(true).SetSparse(true)
	}
	_, err := i.collection.Indexes().CreateOne(ctx, driver.IndexModel{Keys: keys, Options: opts})
	if isSameIndex(err) {
		return nil // under another name
	}
	return err
}

// isSameIndex: IndexOptionsConflict, which is what an index with these keys and
// another name is.
func isSameIndex(err error) bool {
	e, ok := err.(driver.ServerError) //nolint:errorlint // the driver returns it as it is
	return ok && e.HasErrorCode(85)
}
