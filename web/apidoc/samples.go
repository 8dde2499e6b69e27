package apidoc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Fill puts the values of the documents in the place of ${…}.
func Fill(text string) string {
	for _, v := range Values {
		text = strings.ReplaceAll(text, "${"+v[0]+"}", v[1])
	}
	return text
}

// pathValues are what stands for the parameters of paths.
var pathValues = map[string]string{
	"peer": "${peer}", "messageId": "${messageId}", "callId": "${callId}", "user": "${peer}", "userId": "${third}",
}

// target is the path with its parameters and query.
func (e *Endpoint) target() string {
	path := e.Path
	for _, p := range e.Params {
		path = strings.ReplaceAll(path, "{"+p.Name+"}", pathValues[p.Name])
	}
	if e.Example.Query != "" {
		path += "?" + e.Example.Query
	}
	return path
}

func (e *Endpoint) credential() string {
	switch e.Access {
	case AUser:
		return "Bearer ${token}"
	case AServer:
		return "Bearer ${key}"
	case Anybody:
	}
	return ""
}

// samples are a curl command and a program of JavaScript.
func (e *Endpoint) samples() (curl, js string) {
	var c, options strings.Builder
	c.WriteString("curl ")
	if e.Method != http.MethodGet {
		fmt.Fprintf(&c, "-X %s ", e.Method)
		fmt.Fprintf(&options, "  method: %q,\n", e.Method)
	}
	fmt.Fprintf(&c, `"${server}%s"`, e.target())
	var headers []string
	if who := e.credential(); who != "" {
		fmt.Fprintf(&c, " \\\n  -H \"Authorization: %s\"", who)
		headers = append(headers, fmt.Sprintf("Authorization: %q", who))
	}
	if e.Body != nil {
		fmt.Fprintf(&c, " \\\n  -H \"Content-Type: application/json\" \\\n  -d '%s'", e.Example.Body)
		headers = append(headers, `"Content-Type": "application/json"`)
	}
	if len(headers) > 0 {
		fmt.Fprintf(&options, "  headers: { %s },\n", strings.Join(headers, ", "))
	}
	if e.Body != nil {
		fmt.Fprintf(&options, "  body: JSON.stringify(%s),\n", literal(e.Example.Body))
	}
	end := ")"
	if options.Len() > 0 {
		end = ", {\n" + options.String() + "})"
	}
	js = fmt.Sprintf("const response = await fetch(\"${server}%s\"%s\nconsole.log(response.status, await response.json())", e.target(), end)
	return c.String(), js
}

// literal writes JSON as JavaScript does on one line: { to: "bob" }.
func literal(text string) string {
	var b strings.Builder
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	writeLiteral(&b, dec)
	return b.String()
}

func writeLiteral(b *strings.Builder, dec *json.Decoder) {
	t, err := dec.Token()
	if err != nil {
		return
	}
	delim, ok := t.(json.Delim)
	if !ok {
		value, _ := encode(t) // strings, numbers, true, false and null
		b.Write(value)
		return
	}
	open, closing := "{ ", " }"
	if delim == '[' {
		open, closing = "[", "]"
	}
	if !dec.More() {
		open, closing = strings.TrimSpace(open), strings.TrimSpace(closing)
	}
	b.WriteString(open)
	for n := 0; dec.More(); n++ {
		if n > 0 {
			b.WriteString(", ")
		}
		if delim == '{' {
			key, _ := dec.Token()
			name, _ := encode(key)
			if plainKey(name) {
				name = bytes.Trim(name, `"`)
			}
			b.Write(name)
			b.WriteString(": ")
		}
		writeLiteral(b, dec)
	}
	_, _ = dec.Token()
	b.WriteString(closing)
}

func plainKey(quoted []byte) bool {
	for _, c := range bytes.Trim(quoted, `"`) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter {
			return false
		}
	}
	return true
}

// heard are the arguments as the client of the sample gets them.
func (e *Event) heard() []Arg {
	if !e.Extended && e.Base != nil {
		return e.Base
	}
	return e.Args
}

func argNames(args []Arg) string {
	names := make([]string, len(args))
	for i, a := range args {
		names[i] = a.Name
	}
	return strings.Join(names, ", ")
}

// samples are programs of socket.io-client and of the SDK for an event.
func (e *Event) samples() (sio, sdk string) {
	auth := `{ token: "${token}" }`
	if e.Extended {
		auth = `{ token: "${token}", tandem: 1 }`
	}
	sio = fmt.Sprintf("import { io } from \"socket.io-client\"\n\nconst socket = io(\"${server}\", { auth: %s })\n", auth)
	sdk = "import { Tandem } from \"@tandem-rtc/client\"\n\nconst tandem = new Tandem({ url: \"${server}\", token: \"${token}\" })\n"
	if e.To == Client {
		list := argNames(e.Args)
		sio += fmt.Sprintf("socket.on(%q, (%s) => console.log(%s))", e.Name, argNames(e.heard()), argNames(e.heard()))
		sdk += fmt.Sprintf("tandem.on(%q, (%s) => console.log(%s))\nawait tandem.connect()", e.Name, list, list)
		return sio, sdk
	}
	payload := ""
	if e.Example.Body != "" {
		payload = ", " + literal(e.Example.Body)
	}
	if e.Ack != nil {
		sio += fmt.Sprintf("console.log(await socket.emitWithAck(%q%s))", e.Name, payload)
	} else {
		sio += fmt.Sprintf("socket.emit(%q%s)", e.Name, payload)
	}
	sdk += "await tandem.connect()\n"
	switch {
	case e.SDK != "":
		sdk += e.SDK
	case e.Ack != nil:
		if payload == "" {
			payload = ", {}"
		}
		sdk += fmt.Sprintf("console.log(await tandem.request(%q%s))", e.Name, payload)
	default:
		sdk += fmt.Sprintf("tandem.volatile(%q%s)", e.Name, payload)
	}
	return sio, sdk
}
