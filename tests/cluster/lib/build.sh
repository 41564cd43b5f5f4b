# The programs, built once from Go modules into a cache outside the tree.
# shellcheck shell=bash

PROGRAMS=( # name, folder of its go.mod under build/, package
	"etcd                    etcd       go.etcd.io/etcd/server/v3"
	"kube-apiserver          kubernetes k8s.io/kubernetes/cmd/kube-apiserver"
	"kube-controller-manager kubernetes k8s.io/kubernetes/cmd/kube-controller-manager"
	"kube-scheduler          kubernetes k8s.io/kubernetes/cmd/kube-scheduler"
	"kubelet                 kubernetes k8s.io/kubernetes/cmd/kubelet"
	"kube-proxy              kubernetes k8s.io/kubernetes/cmd/kube-proxy"
	"kubectl                 kubernetes k8s.io/kubernetes/cmd/kubectl"
	"coredns                 coredns    github.com/coredns/coredns"
)

build() {
	local entry name module package n=0
	for entry in "${PROGRAMS[@]}"; do
		read -r name module package <<<"$entry"
		n=$((n + 1))
		built "$name" "$module" || build_program "$name" "$module" "$package" "$n/${#PROGRAMS[@]}"
	done
	lock_build
	build_images
	exec 8>&-
}

lock_build() {
	mkdir -p "$BIN/.stamp"
	exec 8>"$BIN/.lock"
	flock 8
}

# Whether Go is there if it is wanted.
need_build() {
	local entry name module
	for entry in "${PROGRAMS[@]}"; do
		read -r name module _ <<<"$entry"
		built "$name" "$module" || { need_go && return; }
	done
}

# What a program was built from; its stamp holds the same when nothing has changed since.
source_of() {
	(cd "$HERE/build/$1" && cat go.mod go.sum && link_flags "$1") | sha256sum
}

link_flags() {
	local x=k8s.io/component-base/version v=${KUBE_VERSION#v}
	echo -n "-s -w"
	[ "$1" != kubernetes ] || echo -n " -X $x.gitVersion=$KUBE_VERSION -X $x.gitMajor=${v%%.*} -X $x.gitMinor=$(cut -d. -f2 <<<"$v")"
}

is_other() {
	[ "$1" = kubernetes ] && [ "$KUBE_VERSION" != "$PINNED" ]
}

built() {
	[ -x "$BIN/$1" ] && [ "$(cat "$BIN/.stamp/$1" 2>/dev/null)" = "$(source_of "$2")" ]
}

# NAME MODULE PACKAGE, into $BIN/.NAME.new
compile() {
	local other
	if is_other "$2"; then
		other=$("$HERE/../scheduler/build" "$KUBE_VERSION" "$1" | tail -1) && ln -f "$other/$1" "$BIN/.$1.new"
	else
		(cd "$HERE/build/$2" && go build -mod=readonly -trimpath -ldflags "$(link_flags "$2")" -o "$BIN/.$1.new" "$3")
	fi
}

# The program is built beside its place and moved into it, then stamped: an interrupted build goes on where it was.
build_program() {
	local name=$1 module=$2 package=$3 count=$4 begin=${EPOCHREALTIME/./}
	need_go
	lock_build
	if ! built "$name" "$module"; then
		log "build $count: $name (all of them take some minutes, once)"
		compile "$name" "$module" "$package" || die "building $name failed"
		mv "$BIN/.$name.new" "$BIN/$name"
		source_of "$module" >"$BIN/.stamp/$name"
		log "build $count: $name, $(seconds_since "$begin") s"
	fi
	exec 8>&-
}

# Go as new as the newest of our go.mod files asks for; since 1.21 Go can fetch a newer Go by itself.
need_go() {
	local want have
	want=$(sed -n 's/^go \([0-9.]*\)$/\1/p' "$HERE"/build/*/go.mod | sort -V | tail -1)
	command -v go >/dev/null || die "Go is missing: install Go $want or newer (https://go.dev/dl)"
	have=$(cd / && GOTOOLCHAIN=local go env GOVERSION)
	have=${have#go}
	have=${have%% *}
	[ "$(printf '%s\n' "$want" "$have" | sort -V | head -1)" != "$want" ] || return 0
	if [ "$(printf '%s\n' 1.21 "$have" | sort -V | head -1)" = 1.21 ]; then
		[ "$(go env GOTOOLCHAIN)" = local ] || return 0
		die "Go $have is too old: install Go $want or newer, or set GOTOOLCHAIN=auto, with which Go fetches it itself"
	fi
	die "Go $have is too old: install Go $want or newer (https://go.dev/dl)"
}

# The images that every node has from the start: the sandbox of pods, and the scheduler for those who run a second one.
build_images() {
	if [ ! -x "$BIN/pause" ] || [ "$HERE/build/pause.c" -nt "$BIN/pause" ]; then
		need_commands cc:gcc,libc6-dev
		cc -O2 -static -o "$BIN/.pause.new" "$HERE/build/pause.c" || die "pause cannot be linked: install libc6-dev"
		mv "$BIN/.pause.new" "$BIN/pause"
	fi
	build_image localhost/pause:1 pause /
	build_image "registry.k8s.io/kube-scheduler:$KUBE_VERSION" kube-scheduler /usr/local/bin/
}

build_image() {
	local tar
	tar=$BIN/images/$(image_file "$1")
	[ ! -f "$tar.sum" ] || [ "$BIN/$2" -nt "$tar" ] || return 0
	need_commands python3:python3
	mkdir -p "$BIN/images"
	rm -f "$tar.sum"
	"$HERE/mkimage" "$1" "$tar" --entrypoint "$3$2" "$BIN/$2=$3"
	sha256sum <"$tar" >"$tar.sum"
}
