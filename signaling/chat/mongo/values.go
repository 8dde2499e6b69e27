package mongo

import (
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Ids of users and messages that are 24 lower-case hex digits are ObjectIds in
// documents, as Mongoose writes them; others are strings.

// objectID reads such an id.
func objectID(id string) (bson.ObjectID, bool) {
	if len(id) != 24 {
		return bson.ObjectID{}, false
	}
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return bson.ObjectID{}, false
		}
	}
	oid, err := bson.ObjectIDFromHex(id)
	return oid, err == nil
}

// value is an id as it is stored.
func value(id string) any {
	if oid, ok := objectID(id); ok {
		return oid
	}
	return id
}

// either matches an id however a program has stored it.
func either(id string) any {
	if oid, ok := objectID(id); ok {
		return bson.D{{Key: "$in", Value: bson.A{oid, id}}}
	}
	return id
}

// text reads an id, or any other short text, whatever its type.
func text(v bson.RawValue) string {
	switch v.Type {
	case bson.TypeObjectID:
		return v.ObjectID().Hex()
	case bson.TypeString:
		return v.StringValue()
	case bson.TypeInt32:
		return strconv.Itoa(int(v.Int32()))
	case bson.TypeInt64:
		return strconv.FormatInt(v.Int64(), 10)
	}
	return ""
}

// number reads a whole number, whatever its type.
func number(v bson.RawValue) int64 {
	switch v.Type {
	case bson.TypeInt32:
		return int64(v.Int32())
	case bson.TypeInt64:
		return v.Int64()
	case bson.TypeDouble:
		return int64(v.Double())
	}
	return 0
}

// instant reads a time; the zero time if it is none.
func instant(v bson.RawValue) time.Time {
	if v.Type != bson.TypeDateTime {
		return time.Time{}
	}
	return time.UnixMilli(v.DateTime()).UTC()
}

// joined makes one key of two texts such that no other two make the same.
func joined(a, b string) string { return strconv.Itoa(len(a)) + ":" + a + b }

// pairKey names two people, whatever their order.
func pairKey(a, b string) string { return joined(min(a, b), max(a, b)) }

// both are the two, or the one who talks to themselves.
func both(a, b string) []string {
	if a == b {
		return []string{a}
	}
	return []string{a, b}
}
