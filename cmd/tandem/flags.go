package main

import (
	"net/netip"
	"time"
)

// Config is everything that serve can be told: by flags, environment or env
// file. The tags are the whole of --help.
type Config struct {
	Address   AddressFlags   `embed:"" group:"address"`
	Identity  IdentityFlags  `embed:"" group:"identity"`
	TLS       TLSFlags       `embed:"" group:"tls"`
	Servers   ServersFlags   `embed:"" group:"stores"`
	Cluster   ClusterFlags   `embed:"" group:"cluster"`
	Calls     CallsFlags     `embed:"" group:"calls"`
	Chat      ChatFlags      `embed:"" group:"chat"`
	Permit    PermitFlags    `embed:"" group:"permit"`
	Webhooks  WebhookFlags   `embed:"" group:"webhooks"`
	Push      PushFlags      `embed:"" group:"push"`
	Presence  PresenceFlags  `embed:"" group:"presence"`
	Limits    LimitsFlags    `embed:"" group:"limits"`
	Liveness  LivenessFlags  `embed:"" group:"liveness"`
	Operation OperationFlags `embed:"" group:"operation"`
}

// AddressFlags say where the server listens.
type AddressFlags struct {
	Listen      string `placeholder:"HOST[:PORT]" help:"Address to listen on, for example 0.0.0.0 for all networks. Default: all networks if users show tokens, else this machine only."`
	Port        int    `env:"PORT" default:"5000" help:"Port to listen on; 0 takes any free one."`
	AdminListen string `placeholder:"HOST:PORT" help:"Address for operators, for example 127.0.0.1:9090: /metrics, /debug/pprof, /healthz, /readyz. Off by default; keep it private."`
}

// IdentityFlags say whose word counts.
type IdentityFlags struct {
	JWTSecret      Secret        `name:"jwt-secret" env:"JWT_SECRET" placeholder:"SECRET" help:"Secret that users' tokens are signed with (HS256), at least 32 bytes. Better given by the environment: others on this machine can read command lines."`
	JWKSURL        string        `name:"jwks-url" placeholder:"URL" help:"Where the public keys of users' tokens are (RS, PS, ES, EdDSA)."`
	UserClaim      string        `placeholder:"CLAIM" help:"Claim that holds the user id. Default: userId, else sub."`
	TokenAudience  string        `placeholder:"AUD" help:"Audience (aud) that tokens must have."`
	TokenIssuer    string        `placeholder:"ISS" help:"Issuer (iss) that tokens must have."`
	CookieName     string        `default:"jwt" help:"Cookie that may hold the token."`
	TokenLeeway    time.Duration `default:"30s" help:"How far clocks may differ when a token expires."`
	FrontendURL    string        `name:"frontend-url" env:"FRONTEND_URL" placeholder:"URL,…" help:"Web origins that may connect with cookies, for example https://app.example.com. Default: the server's own origin only."`
	ProfileFields  []string      `placeholder:"NAME" help:"Fields of a caller's profile that callees are shown, next to _id. Default: username, fullName, fullname, name, profilePic, profilepic, gender."`
	InsecureNoAuth bool          `help:"Believe every user id, from everywhere. Anybody who reaches the port can be anybody: only for networks where that is fine."`
}

// TLSFlags say where the certificate comes from.
type TLSFlags struct {
	TLSCert string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain (PEM)."`
	TLSKey  string `name:"tls-key" placeholder:"FILE" help:"Its private key (PEM)."`
	TLSDev  bool   `name:"tls-dev" help:"Make a certificate at start, for this machine's names and addresses. Browsers warn once; compare the fingerprint that is printed."`
}

// ServersFlags name the other programs that Tandem works with.
type ServersFlags struct {
	BackendURL     string         `name:"backend-url" env:"BACKEND_URL" placeholder:"URL" help:"Back end of an existing app. It gets every path that Tandem does not serve, so that the front end needs one address only; the built-in page moves to /tandem/."`
	ServerKeys     []Secret       `env:"TANDEM_SERVER_KEYS" placeholder:"KEY" help:"Keys, each at least 16 bytes, that back ends show as bearer tokens on /api/server. Without any that is closed. Better given by the environment."`
	BackendTimeout time.Duration  `default:"60s" help:"How long the back end may take to begin its answer."`
	TrustedProxies []netip.Prefix `placeholder:"CIDR" help:"Proxies in front of Tandem whose word on a client's address is passed on to the back end."`
	RedisURL       Secret         `name:"redis-url" env:"REDIS_URL" placeholder:"URL" help:"Redis 7 or Valkey that holds presence and active calls, which makes this node one of many: redis://, rediss://, redis+sentinel://HOST,HOST/MASTER or redis+cluster://HOST,HOST. Without it this node is alone and keeps everything in memory."`
	MongoURI       Secret         `name:"mongo-uri" aliases:"mongo-db-uri" env:"MONGO_DB_URI" placeholder:"URL" help:"MongoDB that keeps messages and the log of calls, for one node or many, in the collections messages and conversations of existing back ends: mongodb:// or mongodb+srv://, with the database in its path."`
}

// ClusterFlags are about being one node of many; they need REDIS_URL.
type ClusterFlags struct {
	NodeName         string        `placeholder:"NAME" help:"Name of this node, unique in the cluster: letters, digits, dots, hyphens, underscores. Default: the host's name and a random end."`
	ClusterSecret    Secret        `env:"CLUSTER_SECRET" placeholder:"SECRET" help:"Secret that nodes prove themselves to each other with; the same on all. Default: derived from JWT_SECRET."`
	ClusterListen    string        `placeholder:"HOST:PORT" default:"127.0.0.1:0" help:"Where this node takes requests that reached another node but belong here (polls, upgrades), so that no load balancer needs sticky sessions, and what other nodes have for its clients, which would go through Redis else. Only other nodes need to reach it."`
	ClusterAdvertise string        `placeholder:"HOST:PORT" help:"How other nodes reach it, if that is not --cluster-listen itself."`
	NodeLease        time.Duration `default:"5s" help:"A node that is silent for so long counts as dead."`
	RedisTimeout     time.Duration `default:"1s" help:"After so long without an answer Redis counts as away: the node goes on with what is local to it."`
	RedisPrefix      string        `default:"tandem:" help:"Prefix of all keys but onlineUsers and sockets."`
	RedisEmitter     bool          `help:"Hear what back ends publish on Redis with @socket.io/redis-emitter (or a server of Socket.IO with its Redis adapter), and send it to the clients of this node. Give it to every node."`
	RedisEmitterKey  string        `default:"socket.io" help:"The emitter's option key, which its channels begin with."`
}

// CallsFlags are the times of a call.
type CallsFlags struct {
	RingTimeout     time.Duration  `default:"45s" help:"How long a call rings before it counts as not answered."`
	OfflineRing     *time.Duration `placeholder:"DURATION" help:"How long a call to somebody who is offline waits for a device; 0 says offline at once. Without it 30s if there are webhooks, which can wake a device, or for a user whose browsers get pushes, else 0."`
	ResumeWindow    time.Duration  `default:"20s" help:"How long a device that lost its network may take to come back to its call."`
	ICEServer       []string       `placeholder:"URL" help:"STUN servers that clients are told, for example stun:stun.example.com:3478. Needed for calls across networks; none by default."`
	CallWaiting     bool           `help:"Ring users who are in a call already, in place of telling the caller that they are busy."`
	CallPingInt     time.Duration  `name:"call-ping-interval" default:"5s" help:"How often a device in a call is asked whether it is there."`
	CallPingTimeout time.Duration  `default:"10s" help:"How long it may be silent before it counts as vanished."`
}

// ChatFlags say what is kept of messages and calls, and where.
type ChatFlags struct {
	DataDir      string        `placeholder:"DIR" help:"Directory for the file that messages and the log of calls are kept in (tandem.db), and that webhooks wait in (webhooks.db, also with MONGO_DB_URI); it is made if it is not there. One node only. Default: ./data."`
	NoChat       bool          `help:"Keep no messages and no log of calls. Their routes are the back end's then."`
	HistoryLimit int           `default:"500" help:"How many messages of a conversation a client gets that names no limit."`
	Retention    time.Duration `default:"0s" help:"Delete messages and ended calls that are older, for example 720h; 0 keeps them."`
}

// PresenceFlags say how much is told of who is online and who types.
type PresenceFlags struct {
	PresenceBroadcastLimit int           `default:"500" help:"Up to so many online users everybody is sent the whole list; above, only who matters to them."`
	PresenceInterval       time.Duration `default:"1s" help:"Changes of the list are gathered so long."`
	OfflineGrace           time.Duration `default:"5s" help:"How long somebody whose last device vanished still shows as online."`
	TypingExpiry           time.Duration `default:"6s" help:"Typing that is not repeated ends after this."`
	TypingRate             float64       `default:"10" help:"Typing events a second of one device; more are dropped silently."`
}

// LimitsFlags bound what one user, one device and all together may cost.
type LimitsFlags struct {
	EventsRate      float64 `default:"50" help:"Events a second of one device, on the long run; also requests a second of one user for messages and calls."`
	EventsBurst     int     `default:"200" help:"Events of one device, or requests of one user, that may come at once."`
	CallsPerMinute  int     `default:"30" help:"Calls that one user may start in a minute."`
	SessionsPerUser int     `default:"20" help:"Devices and tabs that one user may have connected."`
	MaxPayload      int64   `default:"1000000" placeholder:"BYTES" help:"Largest message (${default} bytes)."`
	MaxQueue        int     `default:"1048576" placeholder:"BYTES" help:"Bytes that may wait for one slow device before it is cut off; it may come back (${default})."`
	MaxConnections  int     `default:"20000" help:"Connections open at once; above, new ones get a 503."`
	MaxPending      int     `default:"2048" help:"Connections that have not finished their handshake; above, the oldest is closed."`
	MaxHeaderBytes  int     `default:"16384" placeholder:"BYTES" help:"Largest header of a request (${default} bytes)."`
}

// LivenessFlags say how long connections may be silent.
type LivenessFlags struct {
	PingInterval     time.Duration `default:"25s" help:"How often an idle device is asked whether it is there."`
	PingTimeout      time.Duration `default:"20s" help:"How long it may take to answer."`
	HandshakeTimeout time.Duration `default:"10s" help:"How long a new connection may take for TLS, headers and sign-in."`
	IdleTimeout      time.Duration `default:"75s" help:"How long an HTTP connection without a request is kept."`
}

// OperationFlags are what the people who run the server see.
type OperationFlags struct {
	DrainTimeout time.Duration `default:"10s" help:"After SIGTERM or Ctrl-C the process ends when all clients are gone, and after this at the latest."`
	LogLevel     string        `default:"info" enum:"debug,info,warn,error" help:"What is logged: ${enum}."`
	LogFormat    string        `default:"auto" enum:"auto,text,json" help:"${enum}; auto is text on a terminal and json elsewhere."`
}
