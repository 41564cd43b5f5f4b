# What is asked of the machine, the instance's slot, and its network.
# shellcheck shell=bash

# --- what the machine must have -----------------------------------------------------------------------------------------

need_root() {
	[ "$EUID" = 0 ] || die "root is needed (namespaces, cgroups and links are made)"
}

# need_commands COMMAND:PACKAGE,PACKAGE...: says all Debian packages that are missing in one line.
need_commands() {
	local pair packages=""
	for pair; do
		command -v "${pair%%:*}" >/dev/null || packages+="${pair#*:},"
	done
	[ -z "$packages" ] || die "programs are missing: apt-get install $(tr ',' '\n' <<<"${packages%,}" | sort -u | paste -sd' ')"
}

cni_dir() {
	local dir
	for dir in /usr/lib/cni /opt/cni/bin /usr/libexec/cni; do
		[ ! -x "$dir/ptp" ] || [ ! -x "$dir/host-local" ] || [ ! -x "$dir/portmap" ] || { echo "$dir" && return; }
	done
	return 1
}

need_machine() {
	need_commands containerd:containerd ctr:containerd runc:runc ip:iproute2 nft:nftables conntrack:conntrack \
		openssl:openssl python3:python3 nsenter:util-linux unshare:util-linux mount:mount \
		"$(cni_dir || echo none)/ptp:containernetworking-plugins"
	unshare --mount --pid --uts --ipc --cgroup --fork true 2>/dev/null ||
		die "the kernel does not let us make namespaces (mount, pid, uts, ipc, cgroup); is this a container without privileges?"
	unshare --net sh -c 'ip link add br0 type bridge && ip link add v0 type veth peer name v1 && nft add table ip t' 2>/dev/null ||
		die "the kernel lacks bridge, veth or nftables, or does not let us use them in a network namespace"
	grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || die "the kernel lacks overlayfs"
	need_cgroups
}

# --- cgroups ------------------------------------------------------------------------------------------------------------
# v1: a group per node in each hierarchy. v2: a group per node with all controllers passed on; that is reasoned, and
# tried in parts only, since the machine this was written on has its controllers in v1.

CGROUP_V2_CONTROLLERS="cpuset cpu io memory pids"

cgroup_version() {
	if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then echo 2; else echo 1; fi
}

# The v1 hierarchies as "MOUNT CONTROLLERS" lines, e.g. "/sys/fs/cgroup/cpu,cpuacct cpu,cpuacct".
cgroup_v1_mounts() {
	awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) == "cgroup") print $5, $NF }' /proc/self/mountinfo | while read -r mount options; do
		echo "$mount $(tr ',' '\n' <<<"$options" | grep -vxE 'rw|ro|xattr|clone_children|noprefix|release_agent=.*' | paste -sd,)"
	done
}

need_cgroups() {
	local c missing="" hierarchies probe
	if [ "$(cgroup_version)" = 2 ]; then
		for c in $CGROUP_V2_CONTROLLERS; do
			grep -qw "$c" /sys/fs/cgroup/cgroup.controllers || missing+=" $c"
		done
	else
		hierarchies=$(cgroup_v1_mounts)
		for c in cpu cpuacct cpuset memory pids devices freezer blkio; do
			grep -qE "[ ,]$c(,|$)" <<<"$hierarchies" || missing+=" $c"
		done
	fi
	[ -z "$missing" ] || die "cgroup controllers are missing:$missing"
	for probe in $(cgroup_dirs probe); do
		{ mkdir -p "$probe" && rmdir "$probe"; } 2>/dev/null ||
			die "cgroups cannot be made under ${probe%/*}; is this a container without privileges?"
	done
}

# The groups of one node, a line each.
cgroup_dirs() {
	if [ "$(cgroup_version)" = 2 ]; then
		echo "/sys/fs/cgroup/$CLUSTER_NAME-$1"
	else
		cgroup_v1_mounts | sed "s|\([^ ]*\) .*|\1/$CLUSTER_NAME-$1|"
	fi
}

make_cgroups() {
	local dir file c
	if [ "$(cgroup_version)" = 2 ]; then
		for c in $CGROUP_V2_CONTROLLERS; do # most of them are on already, where systemd runs
			grep -qw "$c" /sys/fs/cgroup/cgroup.subtree_control && continue
			echo "+$c" >/sys/fs/cgroup/cgroup.subtree_control ||
				die "the cgroup controller $c cannot be passed on to the nodes (/sys/fs/cgroup/cgroup.subtree_control)"
			echo "$c" >>"$SHARED/cgroup-controllers"
		done
	fi
	for dir in $(cgroup_dirs "$1"); do
		mkdir -p "$dir"
		[ "$(cgroup_version)" = 1 ] || mkdir -p "$dir/init" # the leaf for the node's own processes (see node-init)
		[ -f "$dir/cpuset.cpus" ] && [ "$(cgroup_version)" = 1 ] || continue
		for file in cpuset.cpus cpuset.mems; do # a new v1 group has none, and takes no process without
			cat "${dir%/*}/$file" >"$dir/$file"
		done
	done
}

# Removes the groups of one node, or of all, once the processes in them are gone.
remove_cgroups() {
	local dir
	for dir in $(cgroup_dirs "${1:-node[0-9]}") $(cgroup_dirs "${1:-node[0-9][0-9]}"); do # the patterns are expanded here
		[ ! -d "$dir" ] || wait_for 20 "the end of the processes in $dir" remove_cgroup "$dir"
	done
}

remove_cgroup() {
	find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
	[ ! -d "$1" ]
}

# Puts back the v2 controllers that we passed on, with the last node of the last instance.
return_controllers() {
	local c
	[ -f "$SHARED/cgroup-controllers" ] && ! compgen -G "$SHARED/slot-*" >/dev/null || return 0
	while read -r c; do
		echo "-$c" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
	done <"$SHARED/cgroup-controllers"
	rm -f "$SHARED/cgroup-controllers"
}

# --- slot: which of the 16 sets of addresses this instance has ------------------------------------------------------------

use_slot() {
	local slot=$1
	NODE_NET=172.31.$((240 + slot)) # node I has .(10+I)
	PODS_NET=10.$((200 + slot))     # node I's pods have .I.0/24
	SERVICES_NET=10.$((216 + slot)).0
	API_IP=$NODE_NET.1    # the switch, where the control plane listens, API server and DNS
	HOST_IP=$NODE_NET.254 # this machine as the nodes see it
	PODS=$PODS_NET.0.0/16
	SERVICES=$SERVICES_NET.0/16
	SLOT_MAC=02:00:ac:1f:$(printf %02x $((240 + slot)))
	SWITCH=$CLUSTER_NAME-net    # network namespace with the bridge
	HOST_LINK=$CLUSTER_NAME-lan # our end of the cable into it
	export KUBECONFIG=$STATE/admin.conf
}

# A slot whose file names a state directory that does not know of it was left behind by a crash.
claim_slot() {
	local slot name dir
	exec 7>"$SHARED/slots.lock"
	flock 7
	for ((slot = 0; slot < 16; slot++)); do
		if [ -f "$SHARED/slot-$slot" ]; then
			read -r name dir <"$SHARED/slot-$slot"
			[ "$(cat "$dir/slot" 2>/dev/null)" != "$slot" ] || continue
			log "slot $slot was left behind by the cluster $name"
		fi
		use_slot "$slot"
		addresses_free || continue
		echo "$CLUSTER_NAME $STATE" >"$SHARED/slot-$slot"
		echo "$slot" >"$STATE/slot"
		exec 7>&-
		return
	done
	die "all 16 sets of addresses are taken, by other clusters (see $SHARED) or by routes of this machine"
}

# No route of this machine may lead into our networks, or be a link that spans them.
addresses_free() {
	local net
	for net in "$NODE_NET.0/24" "$PODS" "$SERVICES"; do
		[ -z "$(ip -4 route show table all root "$net")" ] || return 1
		! ip -4 route show table all match "$net" scope link | grep -v '^default' >/dev/null || return 1
	done
}

release_slots() {
	local file name dir
	for file in "$SHARED"/slot-*; do
		[ -f "$file" ] || continue
		read -r name dir <"$file"
		[ "$name $dir" != "$CLUSTER_NAME $STATE" ] || rm -f "$file"
	done
	return_controllers
}

# --- state directory ------------------------------------------------------------------------------------------------------

owned_state() {
	[ "$(cat "$STATE/instance" 2>/dev/null)" = "$CLUSTER_NAME" ]
}

make_state() {
	[ ! -e "$STATE" ] || [ -z "$(ls -A "$STATE")" ] || die "$STATE exists and is not a cluster's state directory"
	mkdir -p "$STATE"
	chmod 700 "$STATE"
	echo "$CLUSTER_NAME" >"$STATE/instance"
	mkdir -p "$STATE"/{pid,log,pki,images}
	echo "$1" >"$STATE/nodes"
	claim_slot
}

# --- network --------------------------------------------------------------------------------------------------------------
# The bridge lies in a network namespace of its own, with the control plane. So neither this machine's firewall nor its
# ports nor its kernel settings have a part in what happens between nodes, and one deletion removes it all.

make_network() {
	remove_network
	ip netns add "$SWITCH"
	ip link add "$HOST_LINK" type veth peer name host0 netns "$SWITCH"
	ip -n "$SWITCH" -batch - <<-EOF
		link set lo up
		link add br0 type bridge
		link set br0 address $SLOT_MAC:01
		address add $API_IP/24 dev br0
		link set br0 up
		link set host0 master br0 up
	EOF
	ip address add "$HOST_IP/24" dev "$HOST_LINK"
	ip link set "$HOST_LINK" up
}

remove_network() {
	local name
	for name in $(ip netns list | awk '{ print $1 }' | grep -xE "$CLUSTER_NAME-(net|node[0-9]+)"); do
		ip netns del "$name"
	done
	[ ! -e "/sys/class/net/$CLUSTER_NAME-lan" ] || ip link del "$CLUSTER_NAME-lan" 2>/dev/null || true
}

in_switch() {
	nsenter --net="/run/netns/$SWITCH" "$@"
}
