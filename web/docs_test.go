package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestDocsAreServed(t *testing.T) {
	for prefix, change := range map[string]func(*Config, *Parts){
		"/docs":        nil,
		"/tandem/docs": func(c *Config, _ *Parts) { c.BackendURL = "http://127.0.0.1:1" },
	} {
		s := newServer(t, change)
		if r := getPage(s, prefix); r.Code != http.StatusPermanentRedirect || r.Header().Get("Location") != prefix+"/" {
			t.Errorf("%s: %d to %q", prefix, r.Code, r.Header().Get("Location"))
		}
		index := getPage(s, prefix+"/")
		if index.Code != http.StatusOK || index.Header().Get("Content-Security-Policy") != contentPolicy || !strings.Contains(index.Body.String(), "reference") {
			t.Errorf("%s/: %d %v", prefix, index.Code, index.Header())
		}
		for file, key := range map[string]string{"openapi.json": "openapi", "asyncapi.json": "asyncapi"} {
			r := getPage(s, prefix+"/"+file)
			var doc map[string]json.RawMessage
			if err := json.Unmarshal(r.Body.Bytes(), &doc); err != nil || doc[key] == nil || r.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s/%s: %d %v %v", prefix, file, r.Code, r.Header(), err)
			}
		}
		if r := getPage(s, prefix+"/nothing"); r.Code != http.StatusNotFound {
			t.Errorf("%s/nothing: %d", prefix, r.Code)
		}
	}
}
