#!/usr/bin/env bash
# nchan (nginx) with a stream of two channels: the order of events for a client that is there, and for one that reads them later.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
debian_packages 'nginx=1.22.1-*' 'libnginx-mod-nchan=1:1.3.6*'
read -r port < <(free_ports 1)
cat > nginx.conf <<EOF
daemon off;
pid nginx.pid;
error_log stderr;
load_module $work/unpacked/usr/lib/nginx/modules/ngx_nchan_module.so;
events { }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {
        listen 127.0.0.1:$port;
        location ~ ^/publish/(\w+)\$ { nchan_publisher; nchan_channel_id \$1; }
        location ~ ^/events/(\w+)/(\w+)\$ { nchan_subscriber eventsource; nchan_channel_id \$1 \$2; nchan_subscriber_first_message oldest; }
    }
}
EOF
start nginx -p "$work" -c nginx.conf
curl --silent --output /dev/null --retry 50 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$port/"
base=http://127.0.0.1:$port
events() { sed -n 's/^data: //p' | paste -sd ' '; }
ask() { timeout 5 curl --silent --no-buffer --header 'Accept: text/event-stream' "$base/events/a$1/b$1" || true; }
# The five are published with one program; where a second begins between them, other channels are tried.
for try in $(seq 20); do
  ask "$try" > live &
  subscriber=$!
  sleep 1
  publish=()
  for event in a1 a2 a3 b1 b2; do publish+=(--next --silent --output /dev/null --data "$event" "$base/publish/${event:0:1}$try"); done
  curl "${publish[@]:1}"
  wait "$subscriber"
  [ "$(sed -n 's/^id: \([0-9]*\).*/\1/p' live | sort -u | wc -l)" != 1 ] || break
done
expect 'published:    a1 a2 a3 b1 b2
arrived live: a1 a2 a3 b1 b2
replayed:     a1 b1 a2 b2 a3' "published:    a1 a2 a3 b1 b2
arrived live: $(events < live)
replayed:     $(ask "$try" | events)"
