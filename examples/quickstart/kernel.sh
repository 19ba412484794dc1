#!/bin/sh
# What the kernel shows of an incident's first row ("before", plain http):
#
#	examples/quickstart/kernel.sh I2 [quickstart's flags]
#
# It runs the quickstart in a network namespace of its own (root, or a user who may make one), looks
# with ss (iproute2) as often as it can, and prints the look that saw most sockets of the row's server.
set -eu
cd "$(dirname "$0")"
incident=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -o "$dir/quickstart" .
export dir incident
unshare --map-root-user --net sh -c '
	ip link set lo up
	"$dir/quickstart" -incident "$incident" "$@" >"$dir/out" 2>&1 &
	n=0
	while kill -0 $! 2>/dev/null && [ $n -lt 2000 ]; do
		n=$((n + 1))
		ss -Htano >"$dir/look.$n"
	done' sh "$@"

port=$(cat $(ls -v "$dir"/look.*) | awk '$1 == "LISTEN" { sub(/.*:/, "", $4); print $4; exit }')
best='' most=0
for look in $(ls -v "$dir"/look.*); do
	n=$(grep -c ":$port .*" "$look" || :)
	if [ "$n" -gt "$most" ]; then best=$look most=$n; fi
done
awk -v port="$port" '
	$1 == "LISTEN" { next }
	{ split($4, l, ":"); split($5, r, ":") }
	l[2] == port { side = "server" } r[2] == port { side = "client" }
	l[2] != port && r[2] != port { next }
	{
		key = side " " $1
		count[key]++
		unread[key] += $2 > 0
		if (seen[key]++ < 1 || $2 > most[key]) { most[key] = $2; line[key] = $0 }
	}
	END { for (k in count) printf "%-18s %4d sockets, %d with bytes unread; one of them:\n  %s\n", k, count[k], unread[k], line[k] }' "$best" | sed 's/  */ /g; s/^ /  /; s/ *$//'
cat "$dir"/look.* | awk -v port="$port" '
	$1 != "LISTEN" && $5 ~ ":" port "$" && $2 > most { most = $2; line = $0 }
	END { if (most) printf "most that a client left unread in any look:\n  %s\n", line }' | sed 's/   */ /g; s/^ /  /; s/ *$//'
