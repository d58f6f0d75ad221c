#!/usr/bin/env bash
# Hits over HTTP: the example store beside nginx, which has the same bytes as a plain file. wrk asks both in turn.
#
#   benches/http.sh MASTER [RUNS]
#
# Needs curl, jq, nginx and wrk. Prints requests a second, run by run, and the median of the ratios.
set -euo pipefail
master=$(realpath -e "${1:?MASTER is missing: an audio file}")
runs=${2:-5}
cd "$(dirname "$0")/.."
cargo build --quiet --release -p tonepress-store

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$folder"' EXIT
mkdir "$folder/masters" "$folder/www"
chmod 755 "$folder" # nginx's workers are another user
ln "$master" "$folder/masters/" 2>/dev/null || cp "$master" "$folder/masters/"

target/release/tonepress-store "$folder/masters" --cache "$folder/cache" --listen 127.0.0.1:18080 2>"$folder/store.log" &
refuse() { echo "$1" >&2 && cat "$folder/store.log" >&2 && exit 1; }
until curl -sf -o "$folder/tracks" http://127.0.0.1:18080/tracks; do
    kill -0 $! 2>/dev/null || refuse "the example store has ended:"
    sleep 0.1
done
id=$(jq -er '.items[0].id' "$folder/tracks") || refuse "$master: the example store does not take it:"
path="/tracks/$id/128.mp3"
curl -sf -o "$folder/www/128.mp3" "http://127.0.0.1:18080$path"
size=$(stat -c %s "$folder/www/128.mp3")

cat >"$folder/nginx.conf" <<EOF
worker_processes auto;
daemon off;
pid $folder/nginx.pid;
error_log $folder/nginx.log;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $folder; proxy_temp_path $folder; fastcgi_temp_path $folder;
    uwsgi_temp_path $folder; scgi_temp_path $folder;
    sendfile on;
    # With tcp_nopush it waits for delayed acknowledgements here, and is 40 times slower.
    keepalive_requests 100000000;
    open_file_cache max=100;
    server { listen 127.0.0.1:18081; root $folder/www; }
}
EOF
nginx -c "$folder/nginx.conf" 2>>"$folder/nginx.log" &
until curl -sf -o /dev/null http://127.0.0.1:18081/128.mp3; do sleep 0.1; done

cat >"$folder/ranges.lua" <<EOF
function request()
    local start = math.random(0, $size - 65536)
    wrk.headers["Range"] = "bytes=" .. start .. "-" .. (start + 65535)
    return wrk.format("GET")
end
EOF
# Requests a second of a URL.
ask() { wrk -c 16 -t 2 -d 5s "$@" | awk '/Requests\/sec/ { print $2 } /Non-2xx/ { print "failed:", $0 >"/dev/stderr" }'; }

compare() {
    local what=$1 ratios=() ours theirs ratio
    shift
    for _ in $(seq "$runs"); do
        ours=$(ask "$@" "http://127.0.0.1:18080$path")
        theirs=$(ask "$@" http://127.0.0.1:18081/128.mp3)
        ratio=$(awk "BEGIN { printf \"%.2f\", $ours / $theirs }")
        echo "$what: tonepress $ours/s, nginx $theirs/s, ratio $ratio"
        ratios+=("$ratio")
    done
    printf '%s\n' "${ratios[@]}" | sort -n | awk -v what="$what" '
        { r[NR] = $1 }
        END { printf "%s: median of the ratios %s, %s to %s\n", what, r[int((NR + 1) / 2)], r[1], r[NR] }'
}
echo "a file of $size bytes, 16 connections, $(nginx -v 2>&1)"
compare "64 KiB at random places" -s "$folder/ranges.lua"
compare "the whole"
