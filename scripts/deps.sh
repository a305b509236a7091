#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs what Skein is built and tested with, by the distribution's own package manager.
#
#     deps.sh build    what `make` needs
#     deps.sh test     what `make check` needs besides
#     deps.sh kernels  what `make check-kernels` needs besides
#     deps.sh list     prints them all, installs nothing
#
# Only what is missing is installed: a second run is instant and needs no network.  Nothing that
# is installed is started.  Exit status 1: something could not be installed.
set -u

# set, then the name in each family of distributions:
#   debian   apt-get, Debian 12 and Ubuntu       fedora   dnf, Fedora, and RHEL with EPEL and CRB
#   suse     zypper
# "-" is part of something else there; "name?" is left out where the distribution has no such package.
table() {
	cat <<-'END'
	build  gcc                gcc                     gcc
	build  libc6-dev          glibc-devel             glibc-devel
	build  make               make                    make
	build  pkg-config         pkgconf-pkg-config      pkg-config
	build  clang              clang                   clang
	build  llvm               llvm                    llvm
	build  bpftool            bpftool                 bpftool
	build  libbpf-dev         libbpf-devel            libbpf-devel
	build  libelf-dev         elfutils-libelf-devel   libelf-devel
	build  zlib1g-dev         zlib-devel              zlib-devel
	build  libevent-dev       libevent-devel          libevent-devel
	build  libssl-dev         openssl-devel           libopenssl-devel
	build  libsqlite3-dev     sqlite-devel            sqlite3-devel
	build  libgraphviz-dev    graphviz-devel          graphviz-devel
	build  libnl-3-dev        libnl3-devel            libnl3-devel
	build  libseccomp-dev     libseccomp-devel        libseccomp-devel
	build  libcap-ng-dev      libcap-ng-devel         libcap-ng-devel
	build  libinih-dev        inih-devel              inih-devel
	build  libpcap-dev        libpcap-devel           libpcap-devel
	build  libzstd-dev        libzstd-devel           libzstd-devel
	build  uthash-dev         uthash-devel            uthash-devel
	build  fonts-dejavu-core  dejavu-sans-fonts       dejavu-fonts
	test   check              check-devel             check-devel
	test   libclang-rt-dev?   compiler-rt             -
	test   nginx              nginx                   nginx
	test   postgresql         postgresql-server       postgresql-server
	test   -                  postgresql              postgresql
	test   python3            python3                 python3
	test   python3-psycopg2   python3-psycopg2        python3-psycopg2
	test   curl               curl                    curl
	test   iperf3             iperf3                  iperf
	test   perl               perl                    perl
	test   iproute2           iproute                 iproute2
	test   procps             procps-ng               procps
	test   util-linux         util-linux              util-linux
	test   nftables           nftables                nftables
	test   liburing-dev       liburing-devel          liburing-devel
	test   debhelper          -                       -
	test   debootstrap?       debootstrap             debootstrap
	test   systemd            systemd                 systemd
	test   lintian            -                       -
	test   rpm                rpm-build               rpm-build
	test   busybox-static     busybox                 busybox-static
	test   git                git                     git
	test   softflowd?         softflowd               -
	test   pmacct?            pmacct                  -
	test   nfdump?            nfdump                  -
	test   tcpdump            tcpdump                 tcpdump
	kernels  qemu-system-x86  qemu-system-x86         qemu-x86
	kernels  busybox-static   busybox                 busybox-static
	kernels  dpkg             dpkg                    dpkg
	END
}

say() { printf '%s\n' "deps: $*"; }

# die WHAT WHY MEND
die() {
	printf 'deps: %s: %s; %s\n' "$1" "$2" "$3" >&2
	exit 1
}

# The column of the table that fits this machine, or nothing.
family() {
	# shellcheck source=/dev/null
	ids=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${ID_LIKE:-}")
	for id in $ids; do
		case $id in
		debian | ubuntu) echo debian && return ;;
		fedora | rhel | centos) echo fedora && return ;;
		suse | opensuse*) echo suse && return ;;
		esac
	done
}

# names SET: the packages of a set, one a line, by this machine's names (Debian's by default)
names() {
	case $family in
	fedora) column=3 ;;
	suse) column=4 ;;
	*) column=2 ;;
	esac
	table | awk -v set="$1" -v column="$column" '$1 == set && $column != "-" { print $column }' |
		if grep -qs '^ID=ubuntu' /etc/os-release; then
			# there bpftool comes with the kernel's tools, by version
			sed 's/^bpftool$/linux-tools-common linux-tools-generic/' | tr ' ' '\n'
		else
			cat
		fi
}

installed() {
	case $family in
	debian) dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed ;;
	*) rpm -q --whatprovides "$1" >/dev/null 2>&1 ;;
	esac
}

# missing SET: what is not installed, "?" kept
missing() {
	for name in $(names "$1"); do
		installed "${name%\?}" || echo "$name"
	done
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# logged COMMAND...: runs it with its words in $log, and a sign of life every 20 seconds
logged() {
	(
		seconds=0
		while sleep 20 >/dev/null 2>&1; do # or it would hold the caller's pipe open
			seconds=$((seconds + 20))
			say "still at it after $seconds s"
		done
	) &
	ticker=$!
	"$@" >>"$log" 2>&1 </dev/null
	status=$?
	kill "$ticker" && ticker=
	return "$status"
}

# Runs at every end; the log of a failure stays.
end() {
	[ -z "${ticker:-}" ] || kill "$ticker" 2>/dev/null
	[ -z "${policy:-}" ] || as_root rm -f "$policy"
	[ -n "${failed:-}" ] || rm -f "$log"
}

# Debian starts services as it installs them, unless a policy forbids it.  A policy of the
# machine's owner stands; else there is one for as long as this runs.
forbid_services() {
	[ ! -e /usr/sbin/policy-rc.d ] || return 0
	policy=/usr/sbin/policy-rc.d
	printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null &&
		as_root chmod 755 "$policy"
}

apt_lists() {
	ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1
}

apt_update() {
	say "reading the lists of packages: apt-get update"
	logged as_root apt-get -qq update
}

# apt_known NAME...: drops those with "?" that apt has never heard of, and the "?"
apt_known() {
	for name; do
		case $name in
		*\?) ! apt-cache show "${name%\?}" >/dev/null 2>&1 || echo "${name%\?}" ;;
		*) echo "$name" ;;
		esac
	done
}

apt_install_known() {
	# shellcheck disable=SC2046 # names are words
	set -- $(apt_known "$@")
	[ $# -gt 0 ] || return 0
	logged as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--force-confold install --no-install-recommends "$@"
}

install_debian() {
	forbid_services
	if apt_lists; then
		apt_install_known "$@" && return
		say "the lists may be older than what the mirror holds: trying with new ones"
	fi
	apt_update && apt_install_known "$@"
}

install_fedora() {
	logged as_root dnf -q -y --setopt=install_weak_deps=False install "$@"
}

install_suse() {
	logged as_root zypper -q -n install --no-recommends "$@"
}

# The mend for what the package manager said in $log.
mend() {
	if grep -qiE 'could not resolve|failed to fetch|temporary failure|cannot download|connection' \
		"$log"; then
		echo "check the network and the package sources, then run this again"
	elif grep -qiE 'unable to locate|no match|no provider|not found in package names' "$log"; then
		case $family in
		fedora) echo "on RHEL and its kin enable CRB and EPEL, then run this again" ;;
		*) echo "enable the distribution's main packages, then run this again" ;;
		esac
	elif grep -qi 'lock' "$log"; then
		echo "another installation is running: wait for its end, then run this again"
	else
		echo "mend that, then run this again"
	fi
}

# The one line of $log that says most.
reason() {
	grep -E '^(E|Error|error|No provider|Problem)[: ]' "$log" | tail -n 1 | grep . ||
		tail -n 1 "$log" | grep . || echo "no words from $manager"
}

install() {
	# shellcheck disable=SC2046 # names are words
	set -- $(missing "$set")
	case $family in
	debian)
		manager=apt-get
		# shellcheck disable=SC2046
		! apt_lists || set -- $(apt_known "$@")
		;;
	fedora) manager=dnf ;;
	suse) manager=zypper ;;
	esac
	[ $# -gt 0 ] || return 0
	what="installing $# package$([ $# -eq 1 ] || echo s) with $manager"
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "$what" "not root, and there is no sudo" \
			"run as root: $0 $set"
		sudo true || die "$what" "sudo refused" "run as root: $0 $set"
	fi
	say "$what: $*"
	log=$(mktemp) || exit 1
	trap end EXIT
	trap 'exit 130' INT TERM HUP
	if ! "install_$family" "$@"; then
		failed=1
		die "$what" "$(reason) (all its words: $log)" "$(mend)"
	fi
	say "installed"
}

family=$(family)
set=${1:-}
case $set in
list)
	names build | sed 's/^/build /; s/?$//'
	names test | sed 's/^/test  /; s/?$//'
	names kernels | sed 's/^/kernels /; s/?$//'
	;;
build | test | kernels)
	if [ -z "$family" ]; then
		say "what is needed, by Debian's names: $(names "$set" | tr -d '?' | tr '\n' ' ')" >&2
		die "$set packages" "this distribution is not known" \
			"install what is listed above by hand"
	fi
	install
	;;
*)
	echo "usage: deps.sh build|test|kernels|list" >&2
	exit 2
	;;
esac
