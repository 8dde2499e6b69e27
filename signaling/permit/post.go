package permit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxAnswer bounds the body of an answer, in bytes.
const maxAnswer = 16 << 10

// RequestType is the type of a Request.
const RequestType = "permission"

// Request is what the endpoint is sent.
type Request struct {
	Type string `json:"type"`   // "permission"
	May  Action `json:"action"` // "call" or "message"
	From string `json:"from"`
	To   string `json:"to"`
}

// newClient follows no redirects: a question is for whom it was signed for.
func newClient(cfg Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxConnsPerHost: cfg.Concurrency, MaxIdleConnsPerHost: cfg.Concurrency,
			IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: maxAnswer, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post asks the endpoint. 200 and 403 are answers, everything else is none.
func (a *Asker) post(ctx context.Context, q Question) (Answer, error) {
	payload, err := json.Marshal(Request{RequestType, q.Action, q.From, q.To})
	if err != nil {
		return Answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.cfg.URL, bytes.NewReader(payload))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "tandem")
	Sign(req.Header, a.key, "msg_"+rand.Text(), a.cfg.Now(), payload)
	res, err := a.client.Do(req)
	if err != nil {
		return Answer{}, withoutURL(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusForbidden {
		return Answer{}, fmt.Errorf("permit: the endpoint answered with status %d", res.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return Answer{}, err
	}
	if len(text) > maxAnswer {
		return Answer{}, errors.New("permit: the answer is too long")
	}
	ans, err := ParseAnswer(text)
	switch {
	case res.StatusCode == http.StatusOK:
		return ans, err
	case err != nil || ans.Allow: // 403 is a no, whatever it says
		return Answer{Code: deny}, nil
	}
	return ans, nil
}

// withoutURL takes the URL, which may hold a secret, out of the error of a
// request.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// Sign sets the headers of Standard Webhooks: the id, the time, and "v1," with
// the base64 of HMAC-SHA256 over "id.time.body".
func Sign(h http.Header, key []byte, id string, at time.Time, payload []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, id+"."+stamp+".") // never fails
	_, _ = mac.Write(payload)
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", stamp)
	h.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
