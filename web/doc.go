// Package web is the HTTP door of Tandem: it listens, bounds what connections
// may cost, and hands each request to whom it belongs: the Socket.IO and the
// plain JSON dialect (as they are, with nothing wrapped around them), the REST
// routes, health, the embedded page, and the back end behind it all
// (BACKEND_URL). A second, separate listener is for operators: metrics,
// profiles, health.
//
// It knows neither the switchboard nor the dialects: cmd/tandem gives it Parts.
// Every error it answers by itself is {"error":"<sentence>","code":"<code>"}
// with a code and a status of wire's table.
package web
