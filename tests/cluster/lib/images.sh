# Images: kept as archives in the state directory, one for each name, and imported by every node once.
# shellcheck shell=bash

# The build has named and summed these already; nothing ever writes into an archive, so a link is as good as a copy.
default_images() {
	local file
	for file in "$BIN"/images/*.tar{,.sum}; do
		ln "$file" "$STATE/images/" 2>/dev/null || cp "$file" "$STATE/images/"
	done
}

# The names that an archive gives its images.
image_names() {
	python3 -c '
import json, sys, tarfile
with tarfile.open(sys.argv[1]) as tar:
    print(*sorted(tag for image in json.load(tar.extractfile("manifest.json")) for tag in image["RepoTags"]), sep="\n")
' "$1" 2>/dev/null
}

# The file that holds images of these names, e.g. localhost_pause_1.tar.
image_file() {
	echo "$(tr -c 'A-Za-z0-9.\n-' _ <<<"$1" | paste -sd+ | cut -c1-200).tar"
}

# Puts an archive among the kept ones, in place of an older one with the same names; prints its file's name.
# The sum beside it tells a node whether it has imported this one already.
keep_image() {
	local names file part
	[ -f "$1" ] || die "load: $1 does not exist"
	names=$(image_names "$1") && [ -n "$names" ] || die "load: $1 is not a docker archive"
	file=$(image_file "$names")
	part=$STATE/images/.$file.$BASHPID
	cp "$1" "$part"
	sha256sum <"$part" >"$part.sum"
	mv "$part" "$STATE/images/$file"
	mv "$part.sum" "$STATE/images/$file.sum" # last: an old sum with a new archive only means one import more
	echo "$file"
}

load() {
	local tar file files=() node pids=() failed=0 pid begin=${EPOCHREALTIME/./}
	[ $# -gt 0 ] || die "load: which archives?"
	for tar; do
		file=$(keep_image "$tar")
		files+=("$file")
	done
	for node in $(nodes_on); do
		node_exec "${node#node}" bash "$STATE/node-init" import "$STATE" "$node" "${files[@]}" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || failed=1
	done
	[ "$failed" = 0 ] || die "load: an import failed (its reason is above)"
	log "loaded $# image archive(s) on ${#pids[@]} nodes in $(seconds_since "$begin") s"
}

images() {
	local node have name missing=0
	for node in $(nodes_on); do
		have=$(node_exec "${node#node}" ctr -n k8s.io image ls -q | grep -v ^sha256:)
		[ $# -gt 0 ] || awk -v node="$node" '{ print node, $0 }' <<<"$have"
		for name; do
			grep -qxE "(docker.io/(library/)?)?${name//./\\.}" <<<"$have" || { echo "$node lacks $name" && missing=1; }
		done
	done
	return "$missing"
}
