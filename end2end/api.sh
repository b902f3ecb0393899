#!/bin/sh
# The running program against the OpenAPI document that it gives of itself: schemathesis asks every
# route with good and bad parameters and bodies, and no answer may be a 500 or outside its schema.
#
#   api.sh            BMW_TEST_BINARY   the program, default target/release/bmw
#                     SCHEMATHESIS      the command, default `schemathesis` on PATH
#                     BMW_API_EXAMPLES  how many examples for each operation, default 60
set -eu

here=$(cd "$(dirname "$0")" && pwd)
program=${BMW_TEST_BINARY:-$here/../target/release/bmw}
schemathesis=${SCHEMATHESIS:-schemathesis}
folder=$(mktemp -d)
server=

finish() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    if [ "$status" -ne 0 ] && [ -s "$folder/log" ]; then
        echo "--- what the program logged:" >&2
        tail -n 20 "$folder/log" >&2
    fi
    rm -rf "$folder"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

BMW_DATABASE_URL=sqlite://$folder/bmw.db
BMW_NOW=2015-12-28T12:00:00
BMW_TIMEZONE=Asia/Shanghai
export BMW_DATABASE_URL BMW_NOW BMW_TIMEZONE
"$program" import --replace "$here/../server/tests/fixtures/site-2015.json"
password=kF9-wuz2-pQx-7
echo "$password" | "$program" createsuperuser --username admin --password-stdin

mkfifo "$folder/said"
# All of it comes from one program, as fast as it can.
"$program" serve --listen 127.0.0.1:0 --limit-requests 0 >"$folder/said" 2>"$folder/log" &
server=$!
# The line comes when the server listens; without one it has ended, and said why in the log.
read -r line <"$folder/said" || exit 1
base=${line#listening on }

token=$(python3 -c '
import json, sys, urllib.request
body = json.dumps({"username": "admin", "password": sys.argv[2]}).encode()
request = urllib.request.Request(sys.argv[1] + "/api-token-auth/", body, {"Content-Type": "application/json"})
print(json.load(urllib.request.urlopen(request, timeout=10))["token"])' "$base" "$password")

# The feed is no matter of requests and answers, and who guesses passwords is slowed: both have tests of their own. What schemathesis keeps goes into the folder.
cd "$folder"
"$schemathesis" --config-file "$here/schemathesis.toml" run "$base/api/openapi.json" \
    --exclude-path /ws/charger/details/ \
    --exclude-path /api-token-auth/ \
    --header "Authorization: Bearer $token" \
    --checks all \
    --max-examples "${BMW_API_EXAMPLES:-60}" \
    --seed 1 \
    --request-timeout 20 \
    --workers 1 \
    --no-color

health=$(python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).status)' "$base/healthz")
[ "$health" = 200 ]
