#!/bin/bash
# Prints, one a line and sorted, everything a pod can leave behind in the lab it runs in. Lines say
# "kind<TAB>what"; what is the lab's own (containerd, registry, this script) is left out.
set -u
self=$$
# Made once, by containerd and by the first pod; and what our shim knows of the host, kept for the next pod.
made='/run/containerd/[^/]+/(containers|sandboxes|k8s\.io)|/run/kata-cvm/pods'
facts=' /run/kata-cvm/facts'
say() { while IFS= read -r line; do printf '%s\t%s\n' "$1" "$line"; done; }
{
	for folder in /proc/[0-9]*; do
		pid=${folder#/proc/}
		[ "$pid" = 1 ] || [ "$pid" = "$self" ] && continue
		[ "$(readlink "$folder/ns/pid" 2> /dev/null)" = "$(readlink /proc/self/ns/pid)" ] || continue
		parent=$(sed -n 's/^PPid:\t//p' "$folder/status" 2> /dev/null)
		[ "$parent" = "$self" ] && continue
		words=$(tr '\0' ' ' < "$folder/cmdline" 2> /dev/null | cut -c1-200)
		[ -n "$words" ] || words="($(cat "$folder/comm" 2> /dev/null), $(sed -n 's/^State:\t//p' "$folder/status" 2> /dev/null))"
		case $words in *registry.ts* | *esbuild* | "containerd --config"* | "(, )" | "sleep 0.2 "* | *"/holdings.sh"*) continue ;; esac
		echo "$pid $words"
	done | say process
	awk '{ print $5, $(NF-2) }' /proc/1/mountinfo | say mount
	ls /run/netns 2> /dev/null | say netns
	ip -o link 2> /dev/null | awk -F': ' '{ print $2 }' | grep -v '^labbr0' | say link
	awk 'NR > 1 && $8 != "" && $8 !~ /^@/ { print $8 }' /proc/net/unix | grep -v -e '/containerd.sock' -e /nri.sock -e '\.sock\.ttrpc' | sort -u | say socket
	for folder in /run/kata-cvm /run/containerd/io.containerd.* /run/containerd/fifo /run/containerd/s /run/containerd/runc /run/vc; do
		[ -d "$folder" ] && find "$folder" -mindepth 1 -printf '%y %p\n' 2> /dev/null
	done | grep -v -E "^d ($made)\$|$facts" | say file
	find "$LAB/root/io.containerd.runtime.v2.task" -mindepth 2 2> /dev/null | say bundle
	find /sys/fs/cgroup \( -path '*/lab/*' -o -path '*/k8s.io/*' -o -path '*/kata-cvm*' \) -type d 2> /dev/null | say cgroup
	losetup -n -O NAME,BACK-FILE 2> /dev/null | grep -e kata-cvm -e "$LAB" | say loop
	ctr -n k8s.io containers ls -q 2> /dev/null | say container
	ctr -n k8s.io tasks ls -q 2> /dev/null | say task
} | sort -u
