package main

import (
	"fmt"
	"io"
	"net/url"
	"strings"
)

// announce says in plain words how the server runs: on stdout for people, as
// one log record where logs are read by programs.
func (a *App) announce(stdout io.Writer, plain bool) {
	lines := a.facts()
	if !plain {
		a.log.Info("tandem "+versionText()+" is up", attributes(lines)...)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nTandem %s is up.\n\n", versionText())
	for _, l := range lines {
		fmt.Fprintf(&b, "  %-10s %s\n", l.title, l.text)
	}
	b.WriteString("\nCtrl-C stops it.\n\n")
	_, _ = io.WriteString(stdout, b.String()) // nobody to tell if nobody listens
}

// fact is one line of the banner; one without a title goes on with the line
// above.
type fact struct{ title, text string }

// attributes are the facts for a log record, each title once.
func attributes(facts []fact) []any {
	var keys []string
	values := map[string]string{}
	key := ""
	for _, f := range facts {
		if f.title != "" {
			key = strings.ToLower(strings.ReplaceAll(f.title, " ", "_"))
		}
		if old, ok := values[key]; ok {
			values[key] = old + " " + f.text
			continue
		}
		keys = append(keys, key)
		values[key] = f.text
	}
	attrs := make([]any, 0, 2*len(keys))
	for _, k := range keys {
		attrs = append(attrs, k, values[k])
	}
	return attrs
}

func (a *App) facts() []fact {
	c := a.cfg
	page := "/"
	if c.Servers.BackendURL != "" {
		page = "/tandem/"
	}
	facts := []fact{{"Page", a.URL() + page}}
	for i, u := range a.lanURLs() {
		if i == 4 {
			break
		}
		facts = append(facts, fact{"Network", u + page})
	}
	facts = append(facts, fact{"Clients", "Socket.IO 4 on /socket.io/, plain JSON on /ws"}, fact{"Identity", a.identityText()})
	if a.devPrint != "" {
		facts = append(facts, fact{"HTTPS", "certificate made just now; browsers warn once. SHA-256 fingerprint:"}, fact{"", a.devPrint})
	}
	facts = append(facts, fact{"Origins", originsText(c.Identity.FrontendURL)})
	if c.Servers.BackendURL != "" {
		facts = append(facts, fact{"Back end", redacted(c.Servers.BackendURL) + " gets every path that Tandem does not serve"})
	}
	facts = append(facts, fact{"Stores", a.storesText()}, fact{"Messages", a.chatText()}, fact{"Pushes", a.pushText()})
	if text := a.webhooksText(); text != "" {
		facts = append(facts, fact{"Webhooks", text})
	}
	if c.Permit.PermitURL != "" {
		facts = append(facts, fact{"Who may", a.permitText()})
	}
	facts = append(facts, fact{"Limits", fmt.Sprintf("%d connections; a user: %d devices, %d calls a minute; a device: %g events a second, messages of %d bytes",
		c.Limits.MaxConnections, c.Limits.SessionsPerUser, c.Limits.CallsPerMinute, c.Limits.EventsRate, c.Limits.MaxPayload)})
	if admin := a.AdminURL(); admin != "" {
		facts = append(facts, fact{"Operators", admin + "/metrics, /debug/pprof/, /readyz"})
		if host := a.operators.Addr().String(); !loopback(hostOf(host)) {
			facts = append(facts, fact{"Warning", "the operators' address is not on loopback: whoever reaches it sees everything"})
		}
	}
	return facts
}

func (a *App) storesText() string {
	c := a.cfg
	if !c.Clustered() {
		return "presence and active calls in memory; one node"
	}
	return fmt.Sprintf("presence and active calls in Redis, %s; this is node %s of a cluster", redactedList(c.Servers.RedisURL.Reveal()), a.board.nodeName())
}

func (a *App) chatText() string {
	if why := a.cfg.noChat(); why != "" {
		return why
	}
	where, err := a.cfg.chatFile()
	if err != nil { // can not be: it is open
		where = dataFile
	}
	if a.cfg.Servers.MongoURI != "" {
		where = "MongoDB, " + a.cfg.mongo(a.log).Place()
	}
	text := "kept, with the log of calls, in " + where
	if keep := a.cfg.Chat.Retention; keep > 0 {
		text += fmt.Sprintf(" for %v", keep)
	}
	return text
}

func (a *App) pushText() string {
	c := a.cfg
	if c.Push.NoPush {
		return "none (--no-push)"
	}
	text := "to browsers whose users want them"
	if c.push(deps{}).Subject == "" {
		text += "; Safari's need VAPID_SUBJECT=mailto:you@example.com"
	}
	return text
}

// webhooksText names the hosts that are told: the rest of a URL may be a secret.
func (a *App) webhooksText() string {
	list, err := a.cfg.endpoints()
	if err != nil || len(list) == 0 { // it was checked
		return ""
	}
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name()
		if events := list[i].Events; len(events) > 0 {
			names[i] += " (" + strings.Join(events, ", ") + ")"
		}
	}
	return "to " + strings.Join(names, ", ")
}

func (a *App) permitText() string {
	host := "the back end"
	if u, err := url.Parse(a.cfg.Permit.PermitURL); err == nil {
		host = u.Host
	}
	if a.cfg.Permit.PermitFail == "open" {
		return host + " is asked; EVERYBODY while it does not answer (--permit-fail=open)"
	}
	return host + " is asked; nobody whom it has not allowed lately while it does not answer"
}

// redactedList is redacted for URLs that name several servers.
func redactedList(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return "(not a URL)"
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = "xxxxx@" + rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + "://" + rest
}

func (a *App) identityText() string {
	id := a.cfg.Identity
	if !a.cfg.Authenticated() {
		if id.InsecureNoAuth {
			return "NOBODY IS CHECKED: anybody who reaches this port can be anybody (--insecure-no-auth)"
		}
		return "user ids are believed as they come, so only this machine is served; set JWT_SECRET to serve others"
	}
	var by []string
	if id.JWTSecret != "" {
		by = append(by, "JWT_SECRET (HS256)")
	}
	if id.JWKSURL != "" {
		by = append(by, "the keys of "+redacted(id.JWKSURL))
	}
	claim := "userId, else sub"
	if id.UserClaim != "" {
		claim = id.UserClaim
	}
	return fmt.Sprintf("tokens signed with %s; the user is the claim %s; shown as auth.token, Authorization or cookie %s",
		strings.Join(by, " or "), claim, id.CookieName)
}

func originsText(list string) string {
	switch {
	case list == "":
		return "this server's own only (FRONTEND_URL adds others)"
	case strings.Contains(list, "*"):
		return "EVERY web page may connect with its visitors' cookies (FRONTEND_URL has *)"
	}
	return list + " and this server's own"
}

// redacted is a URL without password and query, which may hold secrets.
func redacted(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(not a URL)"
	}
	u.RawQuery, u.Fragment = "", ""
	return u.Redacted()
}

func hostOf(addr string) string {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 {
		return addr
	}
	return strings.Trim(addr[:i], "[]")
}
