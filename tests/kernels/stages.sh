#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
#
# stages.sh DIR OUT PROBE...: under this kernel, in a network namespace of its own, watches the
# same scene once with each PROBE.  DIR has skein-sensor and scene; OUT gets PROBE.jsonl, what
# the sensor said (PROBE.err), its exit status (PROBE.status) and what failed of the scene
# (PROBE.scene, empty).  What is to be seen stands in run.py, CASES.
cd "$1" || exit
out=$2
shift 2

# talk NAME WHAT...: the scene's program under that name
talk() {
	[ -e "$1" ] || ln scene "$1"
	name=$1
	shift
	"./$name" "$@" || echo "$name: status $?" >&2
}

scene() {
	talk kask ask 127.0.0.1 7001 40
	talk kasksix ask ::1 7002 20
	talk kquick quick 127.0.0.1 7003 60
	printf .. >&3 # two more of the one from before
	read -r _ <&4 && read -r _ <&4
	{ printf . && sleep 2 && printf . && sleep 1; } | talk kheld hold 127.0.0.1 7005 >held
	talk krefused refuse 127.0.0.1 7006 5
	talk kudp udp 127.0.0.1 7007 20
	talk kudpfast udp-connected ::1 7008 20
}

# watch PROBE: begins before the sensor, and ends after it, so that one connection is older
# and one lives on
watch() {
	rm -f go back ready
	mkfifo go back ready
	exec 3<>go 4<>back
	ln -f scene kbefore
	./kbefore hold 127.0.0.1 7004 <go >back 3>&- 4>&- & # of no function, which keeps 3 open
	printf . >&3
	read -r _ <&4
	./skein-sensor "--$1" --once 300s --out "$out/$1.jsonl" --interval 1s --cpu-budget 0 \
		--log-level debug --ready-fd 5 5>ready 2>"$out/$1.err" 3>&- 4>&- &
	sensor=$!
	read -r _ <ready
	scene 2>"$out/$1.scene"
	sleep 3 # it reads what is open
	kill "$sensor"
	wait "$sensor"
	echo $? >"$out/$1.status"
	exec 3>&- 4>&-
}

uname -r >"$out/release"
ip link set lo up
ln scene kserver
./kserver serve 7001 7002 7003 7004 7005 &
tcp=$!
./kserver serve-udp 7007 7008 &
udp=$!
sleep 1
for probe; do
	watch "$probe"
done
kill "$tcp" "$udp"
