#!/usr/bin/env bash
# COUNT 0 for a stream of three entries in Redis, with the two commands that read streams.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
debian_packages 'redis-server=5:7.0.15-*' 'redis-tools=5:7.0.15-*'
read -r port < <(free_ports 1)
start redis-server --port "$port" --bind 127.0.0.1 --save ''
redis() { redis-cli -p "$port" "$@"; }
until redis ping > /dev/null 2>&1; do sleep 0.1; done
for number in 1 2 3; do redis xadd log "$number-0" data x > /dev/null; done
redis-server --version
entries() { grep -c -- "-0" || true; }
expect 'XRANGE COUNT 0: 0 entries
XREAD COUNT 0: 3 entries' "XRANGE COUNT 0: $(redis xrange log - + count 0 | entries) entries
XREAD COUNT 0: $(redis xread count 0 streams log 0 | entries) entries"
