#!/bin/bash
# First process of the lab's namespaces: lays out /run, /sys and the control groups, then keeps the
# registry and containerd running. Its end is the end of everything in the lab.
# Environment: LAB (folder), CONTAINERD (folder of the binaries), SNAPSHOTTER, IMAGES, NODE, REGISTRY.
set -euo pipefail
trap 'touch "$LAB/failed"' ERR

resolver=$(cat /etc/resolv.conf 2> /dev/null || true)
cgroupType=$(stat -fc %T /sys/fs/cgroup)

mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/containerd /run/netns /run/nri /run/lock
# A resolv.conf that points into /run (systemd-resolved) went away with it.
if [ ! -e /etc/resolv.conf ] && [ -L /etc/resolv.conf ]; then
	file=$(readlink -m /etc/resolv.conf)
	mkdir -p "$(dirname "$file")"
	printf '%s\n' "$resolver" > "$file"
fi

mount -t sysfs sysfs /sys # a new one shows this network namespace's links
if [ "$cgroupType" = cgroup2fs ]; then
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
else
	mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
	for controller in cpu cpuacct cpuset memory devices freezer blkio pids; do
		mkdir "/sys/fs/cgroup/$controller"
		mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
	done
	mkdir /sys/fs/cgroup/systemd
	mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
fi

hostname lab
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward

cd "$REGISTRY"
"$NODE" --import tsx registry.ts "$IMAGES/layout" 5000 > "$LAB/log/registry.log" 2>&1 &
cd /

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
touch "$LAB/ready"

# A containerd that a test ended comes back when the test asks for it by removing $LAB/stopped.
while :; do
	wait -n 2> /dev/null || true
	if ! kill -0 "$daemon" 2> /dev/null && [ ! -e "$LAB/stopped" ]; then startContainerd || touch "$LAB/failed"; fi
	sleep 0.2
done
