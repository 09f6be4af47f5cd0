package scalars

import (
	"encoding/base64"
	"encoding/binary"
)

// maxCursor is how long a cursor can be, in bytes.
const maxCursor = 1024

// wellFormedCursor reports whether a text has the form of a cursor: the base64 of
// a MessagePack map with the id of a row under "i" and, where the list is ordered
// by something else, one plain value under "v". A decoder for any value could be
// made to allocate what a few bytes claim to hold, so nothing else gets to it.
func wellFormedCursor(text string) bool {
	if len(text) > maxCursor {
		return false
	}
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return false
	}
	pairs := int(b[0]) - 0x80 // a map of up to 15 pairs
	b, ok := b[1:], pairs == 1 || pairs == 2
	for i := 0; ok && i < pairs; i++ {
		var key, value []byte
		if key, b, ok = plainValue(b); !ok {
			break
		}
		value, b, ok = plainValue(b)
		ok = ok && len(key) == 2 && key[0] == 0xa1 && key[1] == "iv"[i] && (i > 0 || isText(value))
	}
	return ok && len(b) == 0
}

// plainValue splits off the first value, if it is a plain one: nil, a boolean, a
// number, a text or a time.
func plainValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, nil, false
	}
	n := 0
	switch c := b[0]; {
	case c < 0x80, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3: // small numbers, nil, false, true
		n = 1
	case c&0xe0 == 0xa0: // a short text
		n = 1 + int(c&0x1f)
	case c >= 0xcc && c <= 0xd3: // numbers of 1, 2, 4 and 8 bytes
		n = 1 + 1<<((c-0xcc)&3)
	case c == 0xca, c == 0xcb: // fractions
		n = 1 + 4<<(c-0xca)
	case c == 0xd9 && len(b) > 1: // a longer text
		n = 2 + int(b[1])
	case c == 0xda && len(b) > 2:
		n = 3 + int(binary.BigEndian.Uint16(b[1:]))
	case c == 0xd6 && len(b) > 1 && b[1] == 0xff: // times, of 4, 8 and 12 bytes
		n = 2 + 4
	case c == 0xd7 && len(b) > 1 && b[1] == 0xff:
		n = 2 + 8
	case c == 0xc7 && len(b) > 2 && b[1] == 12 && b[2] == 0xff:
		n = 3 + 12
	}
	if n == 0 || n > len(b) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

func isText(value []byte) bool {
	return value[0]&0xe0 == 0xa0 || value[0] == 0xd9 || value[0] == 0xda
}
