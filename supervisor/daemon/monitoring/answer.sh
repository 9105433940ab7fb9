#!/bin/sh
# Answers one HTTP request on its standard input with the hub's metrics and nothing else: for systemd (Accept=yes) or socat.
# The arguments are betti-ctl and what it is to be given first: answer.sh betti-ctl --config /srv/betti/ecosystem.toml
set -u
end=$(printf '\r')
while IFS= read -r line && [ "$line" != "$end" ] && [ -n "$line" ]; do :; done
if metrics=$("${@:-betti-ctl}" metrics); then
    printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nConnection: close\r\n\r\n%s\n' "$metrics"
else
    printf 'HTTP/1.0 503 Service Unavailable\r\nConnection: close\r\n\r\n'
fi
