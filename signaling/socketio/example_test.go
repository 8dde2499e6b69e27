package socketio_test

import (
	"fmt"
	"net/http"

	"github.com/tandem-rtc/tandem/signaling/socketio"
)

// The convenient way: listeners per socket, arguments decoded and encoded.
func Example() {
	srv, err := socketio.NewServer(socketio.Config{})
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	srv.Of("/").OnConnection(func(s *socketio.Socket) {
		s.On("chat", func(e *socketio.Event) {
			var text string
			if err := e.Bind(&text); err != nil {
				return
			}
			_ = s.Broadcast().Emit("chat", s.ID(), text)
			_ = e.Ack("delivered")
		})
	})
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	// http.ListenAndServe("127.0.0.1:3000", mux)
}

// The raw way: JSON is passed on as it came, and everything that a batch of
// packets caused is flushed once.
func ExampleNamespace_Hook() {
	srv, err := socketio.NewServer(socketio.Config{})
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	type state struct{ touched []*socketio.Socket }
	nsp := srv.Of("/")
	nsp.OnConnection(func(s *socketio.Socket) { s.Data = &state{} })
	nsp.Hook(socketio.Hooks{
		Packet: func(s *socketio.Socket, e *socketio.Event) bool {
			if string(e.Name) != "typing" {
				return false
			}
			st := s.Data.(*state)
			for _, to := range s.To("room").Sockets() {
				if to.EmitRaw(socketio.Droppable, "typing", e.Args) {
					st.touched = append(st.touched, to)
				}
			}
			return true
		},
		Idle: func(s *socketio.Socket) {
			st := s.Data.(*state)
			for _, to := range st.touched {
				to.Flush()
			}
			st.touched = st.touched[:0]
		},
	})
}

// A message for many is encoded once.
func ExampleEncode() {
	m, err := socketio.Encode("online", []string{"ann", "ben"})
	fmt.Println(m != nil, err)
	_, err = socketio.Encode("disconnect")
	fmt.Println(err)
	// Output:
	// true <nil>
	// socketio: reserved event name
}
