# Nodes: each is a set of namespaces with its own containerd, kubelet and kube-proxy; its disk is $STATE/nodeI.
# shellcheck shell=bash

# node_number 3 | node3
node_number() {
	local i=${1#node}
	[ -n "$1" ] || die "which node? A number from 1 to $MAX_NODES is wanted"
	[[ $i =~ ^[1-9][0-9]?$ ]] && ((i <= MAX_NODES)) || die "a node's number is wanted (1 to $MAX_NODES), not '$1'"
	echo "$i"
}

known_node() {
	[ -d "$STATE/node$1" ] || die "there is no node$1; the cluster $CLUSTER_NAME has $(known_nodes | paste -sd' ')"
}

node_ip() {
	echo "$NODE_NET.$((10 + $1))"
}

known_nodes() {
	local dir
	for dir in "$STATE"/node[0-9]*; do
		[ ! -d "$dir" ] || echo "${dir##*/}"
	done | sort -V
}

nodes_on() {
	local node
	for node in $(known_nodes); do
		! alive "$node" || echo "$node"
	done
}

# --- power ------------------------------------------------------------------------------------------------------------

power_state() {
	if ! alive "node$1"; then
		echo off
	elif bridge -n "$SWITCH" link show dev "node$1" | grep 'state disabled' >/dev/null; then
		echo cut
	else
		echo on
	fi
}

power_on() {
	if alive "node$1"; then
		log "node$1 is on already"
		return
	fi
	boot "$1"
	wait_for 60 "the boot of node$1 (log: $STATE/log/node$1.log)" booted "$1"
	log "node$1 is powered on"
}

# The cable first, so that the dying processes' last words (FIN, RST) are lost, as they are with a dead machine.
# Prints when that was, in microseconds of wall time: what a node still did then was done before.
power_off() {
	local pid
	if dead "node$1"; then
		log "node$1 is off already"
		echo "${EPOCHREALTIME/./}"
		return
	fi
	port_state "$1" disabled
	echo "${EPOCHREALTIME/./}"
	pid=$(node_init_pid "$1") && kill -KILL "$pid"
	end_now "node$1"
	await_end "node$1"
	unplug "$1"
	remove_cgroups "node$1"
	log "node$1 is powered off"
}

# What an operator does on purpose. Where systemd-logind would be, `logind` stands for it, and the kubelet begins anew to
# hear of it; as one that has run for long it knows its pods, and then is told. Prints when the power went.
shut_down() {
	local log=$STATE/log/node$1-logind.log logind
	alive "node$1" || die "node$1 is off"
	node_exec "$1" "$HERE/logind" >>"$log" 2>&1 &
	logind=$!
	wait_for 30 "the kubelet of node$1 to want to be waited for (log: $log)" node_exec "$1" test -e /run/dbus/held
	wait_for 30 "the kubelet of node$1 to know its pods" knows_its_pods "$1"
	node_exec "$1" touch /run/dbus/begin
	wait "$logind" || die "node$1 is not shut down: $(tail -1 "$log")"
	power_off "$1"
}

knows_its_pods() {
	local all known
	all=$(kubectl get pods -A --field-selector "spec.nodeName=node$1" -o name | wc -l)
	known=$(kubectl get --raw "/api/v1/nodes/node$1/proxy/pods" | grep -o 'kubernetes.io/config.seen' | wc -l)
	((known >= all))
}

# boot I: its cable, its groups, and its process 1 (node-init) in new namespaces.
boot() {
	local node=node$1 dir=$STATE/node$1
	mkdir -p "$dir"/{lib,log,etc,imported}
	plug_in "$1"
	node_config "$1"
	make_cgroups "$node"
	# shellcheck disable=SC2046 # the groups are words
	background "$node" bash "$STATE/node-init" enter "$STATE" "$node" "/run/netns/$CLUSTER_NAME-$node" $(cgroup_dirs "$node")
}

# The host's number of a node's process 1.
node_init_pid() {
	local pid child
	pid=$(pid_of "node$1") || return 1
	{ child=$(<"/proc/$pid/task/$pid/children"); } 2>/dev/null && [ -n "$child" ] || return 1
	echo "${child%% *}"
}

# Whether the node has got as far as a running containerd.
booted() {
	[ -e "/proc/$(node_init_pid "$1")/root/run/node-is-up" ]
}

node_exec() {
	local pid
	pid=$(node_init_pid "$1") || die "node$1 is off"
	shift
	[ $# -gt 0 ] || die "exec: which command?"
	nsenter -t "$pid" --mount --pid --uts --ipc --net --cgroup "$@"
}

# --- network ------------------------------------------------------------------------------------------------------------

unplug() {
	ip -n "$SWITCH" link del "node$1" 2>/dev/null || true
	ip netns del "$CLUSTER_NAME-node$1" 2>/dev/null || true
}

plug_in() {
	local i=$1 ns=$CLUSTER_NAME-node$1 ip j
	ip=$(node_ip "$i")
	unplug "$i"
	ip netns add "$ns"
	ip -n "$SWITCH" link add "node$i" type veth peer name eth0 netns "$ns"
	ip -n "$SWITCH" link set "node$i" master br0 up
	{
		echo "link set lo up"
		echo "link set eth0 address $SLOT_MAC:$(printf %02x $((10 + i))) up" # the same after every boot
		echo "address add $ip/24 dev eth0"
		echo "route add default via $API_IP"
		for ((j = 1; j <= MAX_NODES; j++)); do
			[ "$j" = "$i" ] || echo "route add $PODS_NET.$j.0/24 via $(node_ip "$j")"
		done
	} | ip -n "$ns" -batch -
	ip -n "$SWITCH" route replace "$PODS_NET.$i.0/24" via "$ip"
	ip route replace "$PODS_NET.$i.0/24" via "$ip" dev "$HOST_LINK"
	echo 1 | nsenter --net="/run/netns/$ns" tee /proc/sys/net/ipv4/ip_forward >/dev/null
}

# A disabled bridge port passes nothing in either direction, and neither side hears of it: the link stays up.
port_state() {
	local number=0
	[ "$2" = disabled ] || number=3
	bridge -n "$SWITCH" link set dev "node$1" state "$number"
}

cut_off() {
	alive "node$1" || die "node$1 is off"
	port_state "$1" disabled
	echo "${EPOCHREALTIME/./}"
	log "node$1 is cut off"
}

heal() {
	alive "node$1" || die "node$1 is off"
	port_state "$1" forwarding
	log "node$1 is connected again"
}

# --- configuration ------------------------------------------------------------------------------------------------------

node_config() {
	local etc=$STATE/node$1/etc
	install -m 755 "$HERE/node-init" "$STATE/node-init.$BASHPID" && mv "$STATE/node-init.$BASHPID" "$STATE/node-init"
	[ -f "$etc/machine-id" ] || tr -d - </proc/sys/kernel/random/uuid >"$etc/machine-id"
	: >"$etc/resolv.conf"
	kubeconfig "node$1" >"$etc/kubelet.conf"
	cni_config "$1" >"$etc/10-pods.conflist"
	containerd_config >"$etc/containerd.toml"
	kubelet_config >"$etc/kubelet.yaml"
	cat >"$etc/node.env" <<-EOF
		NODE_IP=$(node_ip "$1")
		ZONE=zone-$( (($1 % 2)) && echo a || echo b)
		PODS=$PODS
		PROXY_GATES=$(proxy_gates)
		BIN=$BIN
		SNAPSHOTTER=$(snapshotter)
	EOF
	if [ "$(cgroup_version)" = 1 ]; then cgroup_v1_mounts; fi >"$etc/cgroups"
}

# overlayfs cannot lie on overlayfs (a state directory inside a Docker container)
snapshotter() {
	if [ "$(stat -f -c %T "$STATE")" = overlayfs ]; then echo native; else echo overlayfs; fi
}

# ptp: pods are routed, not bridged, so Services work on the same node without br_netfilter.
cni_config() {
	cat <<-EOF
		{"cniVersion": "0.4.0", "name": "pods", "plugins": [
		  {"type": "ptp", "ipam": {"type": "host-local", "ranges": [[{"subnet": "$PODS_NET.$1.0/24"}]],
		                           "routes": [{"dst": "0.0.0.0/0"}]}},
		  {"type": "portmap", "capabilities": {"portMappings": true}}]}
	EOF
}

# restrict_oom_score_adj: without CAP_SYS_RESOURCE the runtime may not lower oom_score_adj.
containerd_config() {
	cat <<-EOF
		version = 2
		root = "/var/lib/containerd"
		state = "/run/containerd"
		disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
		  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
		[grpc]
		  address = "/run/containerd/containerd.sock"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "/var/lib/containerd/opt"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "localhost/pause:1"
		  restrict_oom_score_adj = true
		  [plugins."io.containerd.grpc.v1.cri".containerd]
		    snapshotter = "$(snapshotter)"
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "$(cni_dir)"
		    conf_dir = "/run/cluster/etc"
	EOF
}

# Defaults wherever they matter to a test: heartbeats, leases, restart back-off. What is set says that this machine's
# disk is no node's business, and where things are.
kubelet_config() {
	cat <<-EOF
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $STATE/pki/ca.crt}}
		authorization: {mode: Webhook}
		cgroupDriver: cgroupfs
		failCgroupV1: false
		clusterDNS: [$API_IP]
		clusterDomain: cluster.local
		containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
		evictionHard: {memory.available: 50Mi, nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
		failSwapOn: false
		imageGCHighThresholdPercent: 100
		localStorageCapacityIsolation: false
		makeIPTablesUtilChains: false
		resolvConf: /run/cluster/etc/resolv.conf
		shutdownGracePeriod: 60s
		shutdownGracePeriodCriticalPods: 10s
		volumePluginDir: /var/lib/kubelet/volume-plugins
	EOF
}

# --- readiness ----------------------------------------------------------------------------------------------------------

await_nodes() {
	local i names=()
	for ((i = 1; i <= $1; i++)); do
		names+=("node/node$i")
		await_object "node/node$i"
	done
	watch_for condition=Ready "${names[@]}"
	await_object serviceaccount/default
	for ((i = 1; i <= $1; i++)); do
		wait_for 30 "kube-proxy of node$i (log: $STATE/log/node$i-kube-proxy.log)" proxy_ready "$i"
		wait_for 120 "the images of node$i (log: $STATE/log/node$i.log)" images_imported "$i"
	done
}

# What kube-proxy has to be told; nftables stand behind a gate in the oldest.
proxy_gates() {
	[[ $KUBE_VERSION != v1.30.* ]] || echo NFTablesProxyMode=true
}

await_object() {
	case $KUBE_VERSION in
	v1.30.*) wait_for 120 "$1" found "$1" ;; # its kubectl cannot wait for what is not there yet
	*) watch_for create "$1" ;;
	esac
}

found() {
	kubectl get "$1" &>/dev/null
}

# One kubectl that watches, where many that look would take the processor from what they wait for.
watch_for() {
	kubectl wait --for="$1" "${@:2}" --timeout=120s >/dev/null 2>"$STATE/log/wait.log" ||
		die "$(tail -1 "$STATE/log/wait.log") (logs: $STATE/log/node*)"
}

proxy_ready() {
	nsenter --net="/run/netns/$CLUSTER_NAME-node$1" nft list map ip kube-proxy service-ips | grep -F "$SERVICES_NET.1 "
}

images_imported() {
	local sum
	for sum in "$STATE"/images/*.sum; do
		cmp -s "$sum" "$STATE/node$1/imported/${sum##*/}" || return 1
	done
}
