#!/bin/sh
# Asks for a session only when there are commits that the last one did not see. Runs in the schedule's directory.
set -eu
seen="$HOME/.cao-triage-seen"
head=$(git rev-parse HEAD)
last=$(cat "$seen" 2>/dev/null || git rev-list --max-parents=0 HEAD | tail -n 1)
if [ "$head" = "$last" ]; then
    echo '{"execute": false}'
    exit
fi
git log -n 50 --format=%H%x09%s "$last..HEAD" | python3 -c '
import json, sys
lines = sys.stdin.read().splitlines()
words = "\n".join(line.replace("\t", "  ") for line in lines)
print(json.dumps({"execute": bool(lines), "output": {"count": len(lines), "commits": words}}))'
echo "$head" > "$seen"
