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
	trap - EXIT INT TERM
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill "${pids[i]}" 2>/dev/null || true; done
	wait 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 0' INT TERM

redis_port=$((port + 90))
redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly yes --dir "$dir" >"$dir/redis.log" &
pids+=($!)
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

for ((i = 0; i < 100; i++)); do
	(exec 3<>"/dev/tcp/127.0.0.1/$port" && printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3 && grep -q '"ready"' <&3) 2>/dev/null && break
	for p in "${pids[@]}"; do
		kill -0 "$p" 2>/dev/null || { echo "a part did not start:" >&2; tail -n 5 "$dir"/*.log >&2; exit 1; }
	done
	sleep 0.2
done
echo "Redis: 127.0.0.1:$redis_port; logs: $dir"
echo "Open http://localhost:$port in two tabs. Ctrl-C ends everything."
wait "${pids[-1]}"
