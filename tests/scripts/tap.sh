# Tests of scripts, in TAP, as tests/run-unit reads it.
# shellcheck shell=bash
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
tap_count=0 tap_failed=0

# ok WHAT COMMAND...
ok() {
	local what=$1 verdict=ok
	shift
	tap_count=$((tap_count + 1))
	"$@" >"$WORK.tap" 2>&1 || { verdict="not ok" && tap_failed=1; }
	echo "$verdict $tap_count - $what"
	[ "$verdict" = ok ] || sed 's/^/# /' "$WORK.tap" "$WORK/out" 2>/dev/null
	rm -f "$WORK.tap"
}

not() { ! "$@"; }
is() { [ "$1" = "$2" ] || { printf 'is:     %s\nwanted: %s\n' "$1" "$2" && false; }; }

tap_end() {
	echo "1..$tap_count"
	exit "$tap_failed"
}
