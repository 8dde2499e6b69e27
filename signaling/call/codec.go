package call

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// codecVersion is written into every stored call. It grows when an older
// program could no longer understand the record.
const codecVersion = 1

type stored struct {
	V int `json:"v"`
	*Call
}

// Encode writes a call for storage: one JSON object, with its version in "v".
// Raw signals are kept as they are, less insignificant white space.
func Encode(c Call) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(stored{codecVersion, &c}); err != nil {
		return nil, fmt.Errorf("call: encode %s: %w", c.ID, err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}

// Decode reads what Encode wrote. Unknown fields are left out; a record of a
// newer kind is ErrVersion.
func Decode(b []byte) (Call, error) {
	var c Call
	s := stored{Call: &c}
	if err := json.Unmarshal(b, &s); err != nil {
		return Call{}, fmt.Errorf("call: decode: %w", err)
	}
	if s.V != codecVersion {
		return Call{}, fmt.Errorf("call: decode version %d: %w", s.V, ErrVersion)
	}
	if s.Call == nil || c.ID == "" || c.State < Ringing || c.State > Ended {
		return Call{}, errors.New("call: decode: no call in it")
	}
	return c, nil
}

// hashes is a short list of signal hashes, oldest first; in JSON a string.
type hashes []uint64

// maxSeen bounds what is remembered about the signals that one device got.
const maxSeen = 64

func (h hashes) has(x uint64) bool {
	for _, v := range h {
		if v == x {
			return true
		}
	}
	return false
}

// with returns a copy that has x as its newest.
func (h hashes) with(x uint64) hashes {
	if len(h) >= maxSeen {
		h = h[1:]
	}
	return append(h[:len(h):len(h)], x)
}

// MarshalJSON writes the hashes, eight bytes each, as base64url.
func (h hashes) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 8*len(h))
	for _, v := range h {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return json.Marshal(base64.RawURLEncoding.EncodeToString(b))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (h *hashes) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(raw)%8 != 0 {
		return errors.New("call: bad list of hashes")
	}
	*h = nil
	for ; len(raw) > 0; raw = raw[8:] {
		*h = append(*h, binary.LittleEndian.Uint64(raw))
	}
	return nil
}
