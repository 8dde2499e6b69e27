package socketio

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// A binary value is sent after the packet's text, which has a placeholder in
// its place: {"_placeholder":true,"num":n}.
type placeholderJSON struct {
	Placeholder bool `json:"_placeholder"`
	Num         int  `json:"num"`
}

// deconstruct replaces every []byte in v by a placeholder and collects them. It
// looks into []any and map[string]any and changes neither.
func deconstruct(v any, attachments *[][]byte) any {
	switch v := v.(type) {
	case []byte:
		*attachments = append(*attachments, v)
		return placeholderJSON{true, len(*attachments) - 1}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = deconstruct(v[i], attachments)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = deconstruct(v[k], attachments)
		}
		return out
	}
	return v
}

// marshal is json.Marshal without the escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("socketio: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// placeholder reads a placeholder.
func placeholder(raw []byte) (num int, ok bool) {
	if rawjson.KindOf(raw) != rawjson.Record {
		return 0, false
	}
	marked, valid := false, false
	err := rawjson.Object(raw, func(key, value []byte) bool {
		switch string(key) {
		case "_placeholder":
			marked, _ = rawjson.Bool(value)
		case "num":
			var n int64
			n, valid = rawjson.Int64(value)
			if valid = valid && n >= 0 && n < 1<<20; valid {
				num = int(n)
			}
		}
		return true
	})
	if err != nil || !marked {
		return 0, false
	}
	if !valid {
		return -1, true
	}
	return num, true
}

// checkPlaceholders reports whether every placeholder in valid JSON stands for
// one of n attachments.
func checkPlaceholders(raw []byte, n int) bool {
	switch rawjson.KindOf(raw) {
	case rawjson.List:
		list, err := rawjson.Array(nil, raw)
		if err != nil {
			return false
		}
		for _, v := range list {
			if !checkPlaceholders(v, n) {
				return false
			}
		}
	case rawjson.Record:
		if num, is := placeholder(raw); is {
			return num >= 0 && num < n
		}
		fine := true
		err := rawjson.Object(raw, func(_, value []byte) bool {
			fine = fine && checkPlaceholders(value, n)
			return fine
		})
		return fine && err == nil
	}
	return true
}

// partial is a binary packet whose attachments have not all come.
type partial struct {
	text        []byte // what h points into
	h           header
	attachments [][]byte
	bytes       int64
}
