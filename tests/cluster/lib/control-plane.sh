# etcd, API server, controller manager, scheduler and DNS: plain processes in the switch's network namespace.
# shellcheck shell=bash

# shellcheck disable=SC2034 # cluster uses it
CONTROL_PLANE=(etcd kube-apiserver kube-controller-manager kube-scheduler coredns)

start_control_plane() {
	start_etcd
	start_apiserver
	start_coredns
	wait_for 120 "the API server's readiness (log: $STATE/log/kube-apiserver.log)" api_ready_or_dead
	alive kube-apiserver || die "the API server ended: $(tail -1 "$STATE/log/kube-apiserver.log")"
	start_controller_manager
	start_scheduler
	log "control plane is ready"
}

api_ready_or_dead() {
	dead kube-apiserver || { in_switch bash -c "exec 3<>/dev/tcp/$API_IP/6443" && sleep 0.2 && kubectl get --raw /readyz; }
}

kubectl() {
	"$BIN/kubectl" "$@"
}

start_etcd() {
	background etcd nsenter --net="/run/netns/$SWITCH" "$BIN/etcd" --data-dir "$STATE/etcd" --unsafe-no-fsync --log-level warn \
		--listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
		--listen-peer-urls http://127.0.0.1:2380
}

# --enable-aggregator-routing: webhooks behind a Service are called at a pod's address, so no kube-proxy is needed here.
start_apiserver() {
	local pki=$STATE/pki
	background kube-apiserver nsenter --net="/run/netns/$SWITCH" "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
		--bind-address="$API_IP" --advertise-address="$API_IP" --secure-port=6443 --service-cluster-ip-range="$SERVICES" \
		--tls-cert-file="$pki/api.crt" --tls-private-key-file="$pki/api.key" --client-ca-file="$pki/ca.crt" \
		--token-auth-file="$pki/tokens.csv" --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
		--service-account-issuer=https://kubernetes.default.svc.cluster.local \
		--service-account-key-file="$pki/accounts.pub" --service-account-signing-key-file="$pki/accounts.key" \
		--requestheader-client-ca-file="$pki/ca.crt" --requestheader-allowed-names=front-proxy-client \
		--requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
		--requestheader-extra-headers-prefix=X-Remote-Extra- --kubelet-client-certificate="$pki/api.crt" --kubelet-client-key="$pki/api.key" \
		--kubelet-preferred-address-types=InternalIP --enable-aggregator-routing --allow-privileged
}

start_controller_manager() {
	local conf=$STATE/controller-manager.conf pki=$STATE/pki
	background kube-controller-manager nsenter --net="/run/netns/$SWITCH" "$BIN/kube-controller-manager" --kubeconfig="$conf" \
		--authentication-kubeconfig="$conf" --authorization-kubeconfig="$conf" --bind-address=127.0.0.1 --leader-elect=false \
		--use-service-account-credentials --service-account-private-key-file="$pki/accounts.key" --root-ca-file="$pki/ca.crt" \
		--flex-volume-plugin-dir="$STATE/volume-plugins" --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key"
}

start_scheduler() {
	local conf=$STATE/scheduler.conf
	background kube-scheduler nsenter --net="/run/netns/$SWITCH" "$BIN/kube-scheduler" --kubeconfig="$conf" \
		--authentication-kubeconfig="$conf" --authorization-kubeconfig="$conf" --bind-address=127.0.0.1 --leader-elect=false
}

# As kubeadm sets it up (cluster names are not cached), but that names outside the cluster do not exist.
start_coredns() {
	cat >"$STATE/Corefile" <<-EOF
		cluster.local:53 in-addr.arpa:53 {
		  bind $API_IP
		  errors
		  kubernetes {
		    kubeconfig $STATE/admin.conf
		    pods insecure
		    ttl 30
		  }
		}
		.:53 {
		  bind $API_IP
		  template ANY ANY . {
		    rcode NXDOMAIN
		  }
		}
	EOF
	background coredns nsenter --net="/run/netns/$SWITCH" "$BIN/coredns" -conf "$STATE/Corefile"
}
