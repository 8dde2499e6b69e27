// Command example is a small chat that shows the convenient side of package
// socketio: middleware, rooms, acknowledgements, binary attachments and
// recovery. Start it and talk to it with any Socket.IO 4 client:
//
//	go run ./signaling/socketio/example
//	const socket = io("http://localhost:3001", { auth: { name: "ann" } });
//	socket.emit("join", "lobby", (members) => console.log(members));
//	socket.emit("say", "lobby", "hello", () => console.log("delivered"));
//	socket.on("said", (room, who, text) => console.log(room, who, text));
package main

import (
	"log/slog"
	"net/http"
	"os"
	"time"
)

func main() {
	srv, err := newChat()
	if err != nil {
		slog.Error("example", "error", err)
		os.Exit(1)
	}
	http.Handle("/socket.io/", srv)
	server := &http.Server{Addr: "127.0.0.1:3001", ReadHeaderTimeout: 10 * time.Second}
	slog.Info("chat", "url", "http://"+server.Addr)
	if err := server.ListenAndServe(); err != nil {
		slog.Error("example", "error", err)
	}
	srv.Close()
}
