#!/usr/bin/env bash
# Whether each file and each test that the security checklist names exists. That a test tests what is said is for people to see.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=$(git grep -hoE 'fn [a-z0-9_]+' -- '*.rs' | cut -c4- | sort -u)
missing=0
while read -r name; do
    case "$name" in
        */*.*) [ -e "$name" ] || { echo "tests/SECURITY-CHECKLIST.md: there is no file $name"; missing=1; } ;;
        # Tests have names of four words and more, other things of code have fewer.
        *_*_*_*) grep -qxF "$name" <<<"$tests" || { echo "tests/SECURITY-CHECKLIST.md: there is no test $name"; missing=1; } ;;
    esac
done < <(grep -oE '`[^`]+`' tests/SECURITY-CHECKLIST.md | tr -d '`' | sort -u)
exit $missing
