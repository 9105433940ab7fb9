#!/usr/bin/env bash
# Asks the advisory databases whether something that Betti is built with is known to be vulnerable. Ends with
#   0  asked of everything, and nothing is known
#   1  something is known: it stands above
#   2  a tool is missing: it says which command installs it
#   3  nothing is known of what could be asked, but a database could not be reached, so this says nothing about the rest
# `make` ends with 2 whatever fails; whoever needs the difference runs this file.
set -uo pipefail
cd "$(dirname "$0")/.."

ADVISORIES_OF_CRATES="https://github.com/RustSec/advisory-db"

known=()
unreachable=()

# crates MANIFEST NAME: the lock file beside the manifest.
crates() {
    echo "==> $2: its crates"
    cargo deny --offline --manifest-path "$1" --config deny.toml check advisories || known+=("$2")
}

# packages FOLDER: what npm would install there, tools of development too.
packages() {
    echo "==> $1: its packages"
    local report
    report=$(npm --prefix "$1" audit --json 2>/dev/null)
    case "$?,$report" in
        0,*'"auditReportVersion"'*) echo "nothing is known" ;;
        # A report that was given and ends with an error names something.
        *,*'"auditReportVersion"'*) npm --prefix "$1" audit; known+=("$1") ;;
        *) unreachable+=("npm's advisories ($(npm config get registry)), asked for $1") ;;
    esac
}

if ! cargo deny --version >/dev/null 2>&1; then
    echo "cargo-deny is not installed: cargo install --locked cargo-deny" >&2
    exit 2
fi
if ! npm --version >/dev/null 2>&1; then
    echo "npm is not installed: apt-get install -y --no-install-recommends npm" >&2
    exit 2
fi

# An old copy of the database would say that nothing is known of what is new.
if said=$(cargo deny fetch db 2>&1); then
    crates Cargo.toml "the platform"
    crates tests/fuzz/Cargo.toml "the fuzz targets"
else
    tail -n 1 <<<"$said" >&2
    unreachable+=("the advisories of crates ($ADVISORIES_OF_CRATES)")
fi
packages workers/web/app
packages tests/browser

if [ ${#unreachable[@]} -gt 0 ]; then
    printf 'Cannot be reached, so NOT audited: %s\n' "${unreachable[@]}" >&2
fi
if [ ${#known[@]} -gt 0 ]; then
    printf 'Known to be vulnerable: %s\n' "${known[@]}" >&2
    exit 1
fi
[ ${#unreachable[@]} -eq 0 ] || exit 3
echo "==> Nothing is known"
