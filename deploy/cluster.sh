#!/usr/bin/env bash
# The topology of docker-compose.yml from local programs: redis-server, several
# Tandem nodes, haproxy in front without sticky sessions. For machines without
# Docker, and for trying what happens when something is killed.
#
#   deploy/cluster.sh [NODES]      then open http://localhost:5000
#
# Environment: PORT (5000), TANDEM_BIN (bin/tandem). The nodes' process ids are
# printed: kill -9 one during a call, and the call goes on. Ctrl-C ends all.
set -euo pipefail
cd "$(dirname "$0")/.."

nodes=${1:-2}
port=${PORT:-5000}
bin=${TANDEM_BIN:-bin/tandem}
for p in redis-server haproxy; do
	command -v "$p" >/dev/null || PATH=$PATH:/usr/sbin
	command -v "$p" >/dev/null || { echo "missing: $p (on Debian: apt-get install redis-server haproxy)" >&2; exit 1; }
done
[ -x "$bin" ] || { echo "missing: $bin (make build)" >&2; exit 1; }

dir=$(mktemp -d)
pids=()
finish() {
	trap '' EXIT INT TERM
	# Only what still runs, of what was started here: the number of a process that
	# was killed by hand may belong to somebody else by now. Redis goes last, or
	# nodes would find it gone and say so.
	local left
	for p in "${pids[@]:1}"; do jobs -pr | grep -qx "$p" && kill "$p" 2>/dev/null || true; done
	for ((left = 150; left > 0; left--)); do
		[ "$(jobs -pr | wc -l)" -le 1 ] && break
		sleep 0.1
	done
	for p in $(jobs -pr); do kill "$p" 2>/dev/null || true; done
	wait 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 0' INT TERM

# Waits until look succeeds, and gives up when a part has ended.
await() { # what, command
	local i p
	for ((i = 0; i < 150; i++)); do
		"${@:2}" 2>/dev/null && return
		for p in "${pids[@]}"; do
			kill -0 "$p" 2>/dev/null && continue
			echo "$1 did not start; the ends of the logs:" >&2
			tail -n 5 "$dir"/*.log >&2
			exit 1
		done
		sleep 0.1
	done
	echo "$1 is not there after 15 s; the ends of the logs:" >&2
	tail -n 5 "$dir"/*.log >&2
	exit 1
}
answers() { # port, what to send, what to expect
	(exec 3<>"/dev/tcp/127.0.0.1/$1" && printf '%b' "$2" >&3 && timeout 2 grep -qm1 "$3" <&3)
}

redis_port=$((port + 90))
redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly yes --dir "$dir" >"$dir/redis.log" &
pids+=($!)
await Redis answers "$redis_port" 'PING\r\n' PONG
secret=$(head -c 32 /dev/urandom | base64)

servers=
for ((i = 1; i <= nodes; i++)); do
	# Names are believed here, so that two tabs can try it without a back end.
	REDIS_URL=redis://127.0.0.1:$redis_port CLUSTER_SECRET=$secret PORT=$((port + i)) \
		"$bin" serve --listen 127.0.0.1 --insecure-no-auth --node-name "node$i" \
		--frontend-url "http://localhost:$port,http://127.0.0.1:$port" --trusted-proxies 127.0.0.1/32 \
		--log-format text >"$dir/node$i.log" 2>&1 &
	pids+=($!)
	echo "node$i: http://127.0.0.1:$((port + i)), pid $!"
	servers+="    server node$i 127.0.0.1:$((port + i))"$'\n'
done

awk -v servers="$servers" '/server-template/ { printf "%s", servers; next } /^resolvers/ { exit } { print }' deploy/haproxy.cfg >"$dir/haproxy.cfg"
BIND="127.0.0.1:$port" haproxy -db -f "$dir/haproxy.cfg" >"$dir/haproxy.log" 2>&1 &
pids+=($!)

await "The cluster" answers "$port" 'GET /readyz HTTP/1.0\r\n\r\n' '"ready"'
echo "Redis: 127.0.0.1:$redis_port; logs: $dir"
echo "Open http://localhost:$port in two tabs. Ctrl-C ends everything."
wait "${pids[-1]}"
