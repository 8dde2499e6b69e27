package web

import "net/http"

type healthAnswer struct {
	Status string            `json:"status"`
	Detail map[string]string `json:"detail,omitempty"`
}

// healthz answers 200 as long as the process serves requests. Nothing outside
// the process makes it fail: restarting would not help.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, healthAnswer{Status: "ok"})
}

// readyz answers whether this node should get new traffic: 200, or 503 while it
// starts or drains. A degraded node (something it uses is away) still may be
// ready: Parts.Ready decides. The public answer is the status only.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	status, code, _ := s.readiness()
	writeJSON(w, code, healthAnswer{Status: status})
}

// adminReadyz adds the details, for operators.
func (s *Server) adminReadyz(w http.ResponseWriter, _ *http.Request) {
	status, code, detail := s.readiness()
	writeJSON(w, code, healthAnswer{Status: status, Detail: detail})
}

func (s *Server) readiness() (status string, code int, detail map[string]string) {
	if s.parts.Ready == nil {
		return "ready", http.StatusOK, nil
	}
	status, ok, detail := s.parts.Ready()
	if !ok {
		return status, http.StatusServiceUnavailable, detail
	}
	return status, http.StatusOK, detail
}
