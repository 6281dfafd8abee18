package page

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// asset is a file whose name holds a hash of its content: under one name it never changes.
type asset struct {
	mediaType string
	body      []byte
	tag       string
	// zipped is the body compressed, made when first asked for: compressing all at the start would cost
	// every start what few need. Nil if it does not get smaller.
	zipped func() []byte
}

// mediaTypes are the kinds of files that a build makes. Another kind fails the start, not a visit.
func mediaType(name string) (text string, compressible bool) {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8", true
	case ".css":
		return "text/css; charset=utf-8", true
	case ".svg":
		return "image/svg+xml", true
	case ".woff2":
		return "font/woff2", false
	}
	return "", false
}

func readAssets(built fs.FS) (map[string]*asset, error) {
	entries, err := fs.ReadDir(built, "assets")
	if err != nil {
		return nil, err
	}
	out := make(map[string]*asset, len(entries))
	for _, e := range entries {
		body, err := fs.ReadFile(built, "assets/"+e.Name())
		if err != nil {
			return nil, err
		}
		kind, compressible := mediaType(e.Name())
		if kind == "" {
			return nil, errs.New(errs.Internal, "", "The built pages hold a file of an unknown kind.")
		}
		a := &asset{mediaType: kind, body: body, tag: tagOf(body), zipped: func() []byte { return nil }}
		if compressible {
			a.zipped = sync.OnceValue(func() []byte { return zip(body) })
		}
		out[e.Name()] = a
	}
	return out, nil
}

// zip compresses; nil if that does not make it smaller.
func zip(body []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(body); err != nil || w.Close() != nil || b.Len() >= len(body) {
		return nil
	}
	return b.Bytes()
}

// asset serves a file for a year: a changed one has another name.
func (p *Pages) asset(x *edge.Exchange, _ access.Caller) error {
	a, ok := p.assets[x.R.PathValue("file")]
	if !ok {
		return errs.New(errs.NotFound, "not_found", "There is no such file.")
	}
	h, body, tag := x.Header(), a.body, a.tag
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	if takesGzip(x.R.Header.Get("Accept-Encoding")) {
		if zipped := a.zipped(); zipped != nil {
			body, tag = zipped, strings.TrimSuffix(tag, `"`)+`-gz"` // another representation has another tag
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("ETag", tag)
	if matches(x.R.Header.Get("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		x.WriteHeader(http.StatusNotModified)
		return nil
	}
	return x.Bytes(http.StatusOK, a.mediaType, body)
}

// takesGzip reads Accept-Encoding (RFC 9110, section 12.5.3): gzip, x-gzip or *, unless its weight is 0. An
// entry for gzip itself wins over one for *.
func takesGzip(header string) bool {
	star := false
	for entry := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(entry, ";")
		weight := 1.0
		if _, q, found := strings.Cut(params, "="); found {
			if w, err := strconv.ParseFloat(strings.TrimSpace(q), 64); err == nil {
				weight = w
			}
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return weight > 0
		case "*":
			star = weight > 0
		}
	}
	return star
}
