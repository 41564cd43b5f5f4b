# Logging, waiting, and processes that are known by more than their number.
# shellcheck shell=bash

log() {
	printf '%(%T)T %s\n' -1 "$*" >&2
}

die() {
	printf 'cluster: %s\n' "$*" >&2
	exit 1
}

seconds_since() {
	local us=$((${EPOCHREALTIME/./} - $1))
	printf '%d.%d' $((us / 1000000)) $((us / 100000 % 10))
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds; dies, naming what was awaited, when the time is over.
wait_for() {
	local limit=$1 what=$2 begin=${EPOCHREALTIME/./}
	shift 2
	until ("$@") &>/dev/null; do # in a subshell, so that a signal's trap still has our stderr
		((${EPOCHREALTIME/./} - begin < limit * 1000000)) || die "$what: still not after $limit s"
		sleep 0.05
	done
}

check_name() {
	[[ $CLUSTER_NAME =~ ^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$ ]] ||
		die "CLUSTER_NAME is '$CLUSTER_NAME'; it takes 1 to 10 lower-case letters, digits and dashes, since links are named after it"
	[[ $STATE =~ ^/[A-Za-z0-9._/-]+$ ]] || die "CLUSTER_STATE_DIR is '$STATE'; it takes an absolute path of plain characters"
}

# lock NAME: one at a time, for as long as this script runs. Children get fd 9 closed, so that no daemon keeps it.
lock() {
	mkdir -p "$SHARED"
	exec 9>"$SHARED/$1.lock"
	flock -n 9 && return
	log "waiting for another command on the cluster $1"
	flock 9
}

# --- processes --------------------------------------------------------------------------------------------------------
# A record, $STATE/pid/NAME, is "PID START BOOT": with the time it started (field 22 of /proc/PID/stat) and the boot, a
# number that was given to another process since is told apart, and nothing but our own is ever ended.

start_time() {
	local stat
	{ stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
	read -r -a stat <<<"${stat##*) }"
	# shellcheck disable=SC2128 # the array's first element is the state
	[ "$stat" != Z ] || return 1
	echo "${stat[19]}"
}

record() {
	echo "$2 $(start_time "$2") $(</proc/sys/kernel/random/boot_id)" >"$STATE/.record-$1"
	mv "$STATE/.record-$1" "$STATE/pid/$1"
}

recorded() {
	[ ! -d "$STATE/pid" ] || ls "$STATE/pid"
}

# The process of a record, if it still is the one that was recorded.
pid_of() {
	local pid start boot
	[ -f "$STATE/pid/$1" ] && read -r pid start boot <"$STATE/pid/$1" || return 1
	[ "$boot" = "$(</proc/sys/kernel/random/boot_id)" ] && [ "$(start_time "$pid")" = "$start" ] || return 1
	echo "$pid"
}

alive() {
	pid_of "$1" >/dev/null
}

dead() {
	! alive "$1"
}

end_now() {
	local pid
	pid=$(pid_of "$1") || return 0
	kill -KILL "$pid" 2>/dev/null || true
}

await_end() {
	wait_for 20 "the end of $1" dead "$1"
	rm -f "$STATE/pid/$1"
}

# background NAME COMMAND...: a daemon with its record and its log. It records itself before it becomes the command,
# so that there is no moment in which it runs unrecorded, even if this script is killed. Under nohup SIGHUP is ignored, and
# what a kubelet starts would inherit that: a proxy would not be ended by it.
background() {
	local name=$1
	shift
	rm -f "$STATE/pid/$name"
	(
		exec 9>&-
		record "$name" "$BASHPID"
		exec env --default-signal=HUP setsid "$@"
	) </dev/null >>"$STATE/log/$name.log" 2>&1 &
	disown
	wait_for 10 "the record of $name" test -e "$STATE/pid/$name"
}
