package edge

import (
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

const jsonType = "application/json"

// bufferedByNetHTTP is the size up to which net/http counts the bytes of an answer by itself.
const bufferedByNetHTTP = 2000

// JSON answers v. Nothing is sent if v cannot be written.
func (x *Exchange) JSON(status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	return x.Bytes(status, jsonType, b)
}

// Bytes answers b, which is of the given media type.
func (x *Exchange) Bytes(status int, mediaType string, b []byte) error {
	h := x.Header()
	if mediaType == jsonType {
		h["Content-Type"] = x.door.headers.json
	} else {
		h.Set("Content-Type", mediaType)
	}
	if len(b) > bufferedByNetHTTP {
		h.Set("Content-Length", strconv.Itoa(len(b)))
	}
	x.WriteHeader(status)
	_, _ = x.Write(b) // the caller has gone: nobody is left to tell
	return nil
}
