#!/usr/bin/env bash
# A database of its own in FOLDER, made at the first start.
set -euo pipefail
programs=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
[ -s "$FOLDER/PG_VERSION" ] || "$programs/initdb" -D "$FOLDER" --auth=trust >/dev/null
exec "$programs/postgres" -D "$FOLDER" -p "$PORT" -k "$FOLDER" -h 127.0.0.1
