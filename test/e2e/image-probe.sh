#!/bin/bash
# Stands in the agent's place in the image test: prints what the test compares, on the console.
echo "PROBE mounts $(findmnt -rno SOURCE,FSTYPE /) $(findmnt -rno SOURCE /run/kata-containers-scratch)"
until systemctl -q is-active kata-containers.target && { [ ! -e /dev/tpm0 ] || systemctl -q is-active systemd-pcrphase; }; do
	sleep 0.2
done
for pcr in 4 8 9 11 12 13; do
	[ ! -e /dev/tpm0 ] || echo "PROBE pcr$pcr $(cat /sys/class/tpm/tpm0/pcr-sha256/$pcr)"
done
echo "PROBE failed-units $(systemctl list-units --failed --no-legend --plain | wc -l)"
echo "PROBE initdata $(ls /run/confidential-containers/initdata 2> /dev/null | tr '\n' ' ')"
echo "PROBE end"
sleep infinity
