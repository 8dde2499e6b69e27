// Package wsconn is the server side of a WebSocket at the least cost per idle
// connection and per message. It knows frames and nothing of what is in them:
// the Engine.IO layer and the plain JSON dialect are written on top of it.
//
// # Reading
//
// A connection that is busy has one goroutine, which reads through
// gorilla/websocket and calls the Handler. At a message boundary its buffers go
// back to a pool before it waits. After Config.ParkAfter without a frame the
// goroutine ends too, and the file descriptor is left with one epoll instance
// per Server: an idle connection then costs its structs and nothing else. Where
// that can't be done (TLS, systems without epoll) the goroutine stays; the API
// is the same.
//
// # Writing
//
// Queue encodes a frame straight into the connection's out buffer and Flush
// writes what has gathered there with one non-blocking write, on the caller's
// goroutine. What the socket does not take goes to a writer goroutine that ends
// with the backlog. So nobody ever waits for a slow reader; it loses its
// droppable frames first and is closed with ErrSlow when a frame that must
// arrive does not fit.
//
// No connection has a timer of its own: the Server looks after all of them from
// a timing wheel.
package wsconn
