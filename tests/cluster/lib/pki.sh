# Certificates, tokens and kubeconfigs.
# shellcheck shell=bash

EC=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

make_pki() {
	local dir=$STATE/pki
	{
		openssl req -x509 "${EC[@]}" -days 365 -subj "/CN=$CLUSTER_NAME-ca" -keyout "$dir/ca.key" -out "$dir/ca.crt"
		openssl req "${EC[@]}" -subj /O=system:masters/CN=kube-apiserver -keyout "$dir/api.key" -out "$dir/api.csr"
		openssl x509 -req -in "$dir/api.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 365 \
			-out "$dir/api.crt" -extfile <(echo "subjectAltName=$(api_names)")
		openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$dir/accounts.key"
		openssl pkey -in "$dir/accounts.key" -pubout -out "$dir/accounts.pub"
	} >"$STATE/log/openssl.log" 2>&1 || die "making certificates failed: $(tail -1 "$STATE/log/openssl.log")"
	make_tokens
}

api_names() {
	local name names=IP:$API_IP,IP:$SERVICES_NET.1,IP:127.0.0.1,DNS:localhost
	for name in kubernetes{,.default{,.svc{,.cluster.local}}}; do
		names+=,DNS:$name
	done
	echo "$names"
}

# One user a line: "token,user,uid,groups". Nodes that may come later are among them.
make_tokens() {
	local i name
	{
		add_user admin admin '"system:masters"'
		add_user controller-manager system:kube-controller-manager
		add_user scheduler system:kube-scheduler
		add_user proxy system:kube-proxy
		for ((i = 1; i <= MAX_NODES; i++)); do
			add_user "node$i" "system:node:node$i" '"system:nodes"'
		done
	} >"$STATE/pki/tokens.csv"
	for name in admin controller-manager scheduler proxy; do
		kubeconfig "$name" >"$STATE/$name.conf"
	done
}

add_user() {
	local token
	read -r token </proc/sys/kernel/random/uuid
	echo "$token,$2,$1${3:+,$3}"
}

# kubeconfig USER [embedded]: with the CA's certificate in it, for those who cannot read ours
kubeconfig() {
	local token authority="certificate-authority: $STATE/pki/ca.crt"
	[ -z "${2:-}" ] || authority="certificate-authority-data: $(base64 -w0 "$STATE/pki/ca.crt")"
	token=$(awk -F, -v uid="$1" '$3 == uid { print $1 }' "$STATE/pki/tokens.csv")
	cat <<-EOF
		apiVersion: v1
		kind: Config
		clusters: [{name: $CLUSTER_NAME, cluster: {server: "https://$API_IP:6443", $authority}}]
		users: [{name: $1, user: {token: $token}}]
		contexts: [{name: $CLUSTER_NAME, context: {cluster: $CLUSTER_NAME, user: $1}}]
		current-context: $CLUSTER_NAME
	EOF
}
