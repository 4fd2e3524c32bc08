#!/bin/bash
# First process of the lab's namespaces: lays out /run, /sys and the control groups, then keeps the
# registry and containerd running. Its end is the end of everything in the lab.
# Environment: LAB (folder), LAB_CGROUP (name), CONTAINERD (folder of the binaries), SNAPSHOTTER,
# IMAGES, NODE, REGISTRY.
set -euo pipefail
trap 'touch "$LAB/failed"' ERR

cgroups=/sys/fs/cgroup
v1="cpu cpuacct cpuset memory devices freezer blkio pids"
enableControllers() { # FOLDER: for the groups below it; those the kernel has
	for controller in $(cat "$1/cgroup.controllers"); do
		echo "+$controller" > "$1/cgroup.subtree_control" 2> /dev/null || true
	done
}
joinGroup() { # FOLDER: makes the group and moves this process there
	mkdir -p "$1"
	if [ -e "$1/cpuset.cpus" ] && [ ! -e "$1/cgroup.controllers" ]; then
		cat "$1/../cpuset.cpus" > "$1/cpuset.cpus"
		cat "$1/../cpuset.mems" > "$1/cpuset.mems"
	fi
	echo 0 > "$1/cgroup.procs"
}

# First pass: the machine's control groups, with one of the lab's own in each; the second pass is in a
# cgroup namespace that starts there, so labs side by side (and the machine's own pods) never meet.
if [ -z "${LAB_RESOLVER+set}" ]; then
	LAB_RESOLVER=$(cat /etc/resolv.conf 2> /dev/null || true)
	export LAB_RESOLVER
	mount --make-rshared /
	if [ "$(stat -fc %T $cgroups)" = cgroup2fs ]; then
		enableControllers $cgroups
		joinGroup "$cgroups/$LAB_CGROUP"
	else
		mount -t tmpfs -o mode=755 tmpfs $cgroups
		mkdir $cgroups/systemd
		mount -t cgroup -o none,name=systemd cgroup $cgroups/systemd
		for controller in $v1; do
			mkdir "$cgroups/$controller"
			mount -t cgroup -o "$controller" cgroup "$cgroups/$controller"
		done
		for controller in systemd $v1; do joinGroup "$cgroups/$controller/$LAB_CGROUP"; done
	fi
	exec unshare --cgroup "$0"
fi

cgroupType=$(stat -fc %T $cgroups)
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/containerd /run/netns /run/nri /run/lock
# A resolv.conf that points into /run (systemd-resolved) went away with it.
if [ ! -e /etc/resolv.conf ] && [ -L /etc/resolv.conf ]; then
	file=$(readlink -m /etc/resolv.conf)
	mkdir -p "$(dirname "$file")"
	printf '%s\n' "$LAB_RESOLVER" > "$file"
fi

mount -t sysfs sysfs /sys # a new one shows this network namespace's links
if [ "$cgroupType" = cgroup2fs ]; then
	mount -t cgroup2 cgroup2 $cgroups
	joinGroup $cgroups/init # a group with controllers below it holds no processes
	enableControllers $cgroups
else
	mount -t tmpfs -o mode=755 tmpfs $cgroups
	for controller in systemd $v1; do
		mkdir "$cgroups/$controller"
		option=$controller
		[ "$controller" != systemd ] || option=none,name=systemd
		mount -t cgroup -o "$option" cgroup "$cgroups/$controller"
	done
fi

hostname lab
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward

cd "$REGISTRY"
"$NODE" --import tsx registry.ts "$IMAGES/layout" 5000 > "$LAB/log/registry.log" 2>&1 &
registry=$!
cd /

untilRegistryListens() {
	for _ in $(seq 600); do
		(: <> /dev/tcp/127.0.0.1/5000) 2> /dev/null && return
		kill -0 "$registry" || return 1
		sleep 0.1
	done
	return 1
}

startContainerd() {
	containerd --config "$LAB/containerd.toml" --log-level "${LOG_LEVEL:-info}" >> "$LAB/log/containerd.log" 2>&1 &
	daemon=$!
	echo "$daemon" > "$LAB/containerd.pid"
	for _ in $(seq 300); do
		ctr version > /dev/null 2>&1 && return
		kill -0 "$daemon" || return 1
		sleep 0.1
	done
	return 1
}

startContainerd
ctr -n k8s.io images import --snapshotter "$SNAPSHOTTER" "$IMAGES/runtime.tar" > "$LAB/log/import.log" 2>&1
ctr -n k8s.io images label "$PAUSE_IMAGE" io.cri-containerd.pinned=pinned > /dev/null
untilRegistryListens
touch "$LAB/ready"

# A containerd that a test ended comes back when the test asks for it by removing $LAB/stopped.
while :; do
	wait -n 2> /dev/null || true
	if ! kill -0 "$daemon" 2> /dev/null && [ ! -e "$LAB/stopped" ]; then startContainerd || touch "$LAB/failed"; fi
	sleep 0.2
done
