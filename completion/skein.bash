# SPDX-License-Identifier: Apache-2.0
# Completion of skein, skein-sensor and skein-collector for bash.

# The first column of a list out of the database that the command line asks for.  Names come from
# strangers, so they are quoted, and never go through compgen -W, which would expand them.
_skein_listed() {
	local i name cur=$1 db=()

	shift

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--db | --data | --server | --token-file | --ca) db+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}") ;;
		esac
	done
	while IFS=$'\t' read -r name _; do
		[[ $name == "$cur"* ]] && COMPREPLY+=("$(printf %q "$name")")
	done < <("${COMP_WORDS[0]}" "$@" "${db[@]}" --no-header --quiet 2>/dev/null)
}

_skein_machines() {
	_skein_listed "$1" machines
}

_skein_groups() {
	_skein_listed "$1" groups show
}

_skein_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_skein_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_skein_directories() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -d -- "$1")
}

# The argument of the option before; false if it takes none.
_skein_argument() {
	case $1 in
	--db | --with-db | --output | -o | --token-file | --ca | --http-cert | --http-key) _skein_files "$2" ;;
	--data) _skein_directories "$2" ;;
	--machine | -m) _skein_machines "$2" ;;
	--tz) _skein_words "UTC local" "$2" ;;
	--role)
		case ${COMP_WORDS[1]} in
		api-token) _skein_words "read edit admin" "$2" ;;
		*) _skein_words "host mirror" "$2" ;;
		esac
		;;
	--format | -f)
		case ${COMP_WORDS[1]} in
		export) _skein_words "csv json graphml gexf drawio cypher mermaid" "$2" ;;
		*) _skein_words "svg dot png pdf" "$2" ;;
		esac
		;;
	--table | -t) _skein_words "machines groups shared waves cuts edges" "$2" ;;
	--log-level) _skein_words "debug info warn err" "$2" ;;
	--process | --port | -p | --since | --until | --limit | --for | --interval) ;;
	--plan | --size | --group | -g | --factor) ;;
	--firewall) _skein_words "csv nft" "$2" ;;
	--capacity | --capacity-gb | --pilot | --start | --every | --deadline | --freeze | --link) ;;
	--assume-gb | --shared | --rtt | --chatty | --wave | -w) ;;
	--server | --http | --http-names | --name) ;;
	--proxy-login) _skein_files "$2" ;;
	--collector | --listen | --flows | --flow-exporters | --proxy | --relay | --relays | --token | --ttl | --uses | --realm | --fold-clients | --estate | --cidr | --max-edges | --max-sockets) ;;
	*) return 1 ;;
	esac
}

# What stands behind `skein groups`: a word, then machines or groups.
_skein_groups_words() {
	if ((COMP_CWORD == 2)); then
		_skein_words "show move pin together apart shared not-shared env site limit edits undo
			rename accept lock unlock state owner note plans label export import" "$1"
		return
	fi
	case ${COMP_WORDS[2]}:$COMP_CWORD in
	together:* | apart:* | move:3 | pin:3 | shared:3 | not-shared:3 | env:3 | site:3)
		_skein_machines "$1" ;;
	show:3 | rename:3 | accept:* | lock:* | unlock:* | state:3 | owner:3 | note:3 | move:4 | \
		pin:4 | limit:4) _skein_groups "$1" ;;
	state:4) _skein_words "proposed planned approved moved verified" "$1" ;;
	import:*) _skein_files "$1" ;;
	esac
}

_skein() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local all="--color --quiet --help" database="--db --data" server="--server --token-file --ca"
	local filter="--machine --process --port" window="--since --until --tz"
	local table="--json --json=lines --csv --no-header --limit --all --tz"

	_skein_argument "$prev" "$cur" && return
	if ((COMP_CWORD == 1)); then
		_skein_words "up down import machines edges services groups explain diff diagram waves export doctor help version
			--help --version" "$cur"
		return
	fi
	case ${COMP_WORDS[1]}:$cur in
	machines:-*) _skein_words "$database $server --machine $table $all" "$cur" ;;
	edges:-*) _skein_words "$database $server $filter $window $table $all" "$cur" ;;
	services:-*) _skein_words "$database $server $filter $table $all" "$cur" ;;
	explain:-*) _skein_words "$database $server $window --group --watch --plan --json --all $all" "$cur" ;;
	diff:-*) _skein_words "$database $server $window --plans --with-db --factor $table $all" "$cur" ;;
	import:-*) _skein_words "$database $all --csv" "$cur" ;;
	diagram:-*) _skein_words "$database $server $filter $window --output --format --overview --group --machines
		$all" "$cur" ;;
	waves:-*)
		_skein_words "$database $server --capacity --capacity-gb --pilot --start --every --deadline
			--freeze --link --assume-gb --shared --rtt --chatty --wave --firewall --dry-run
			--reset $table $all" "$cur"
		;;
	waves:*) _skein_words "show" "$cur" ;;
	export:-*) _skein_words "$database $server $window --format --output --table --edges --plan $all" "$cur" ;;
	doctor:-*) _skein_words "$database $server --json --all $all" "$cur" ;;
	up:-*) _skein_words "$database --for --listen --interval --poll $all" "$cur" ;;
	down:-*) _skein_words "$database $all" "$cur" ;;
	machines:* | edges:* | services:* | explain:*) _skein_machines "$cur" ;;
	import:*) _skein_files "$cur" ;;
	groups:-*) _skein_words "$database $server $window $table --size --sites-apart --envs-mixed
		--no-names --no-tags --no-subnets --plan --dry-run --output $all" "$cur" ;;
	groups:*) _skein_groups_words "$cur" ;;
	help:*) _skein_words "up down import machines edges services groups explain diff diagram waves export
		doctor" "$cur" ;;
	esac
}

_skein_sensor() {
	local cur=${COMP_WORDS[COMP_CWORD]}

	_skein_argument "${COMP_WORDS[COMP_CWORD - 1]}" "$cur" && return
	if [[ ${COMP_WORDS[1]} == enroll && $COMP_CWORD -gt 1 ]]; then
		_skein_words "--collector --token --proxy --proxy-login --data --force --help" "$cur"
	elif ((COMP_CWORD == 1)) && [[ $cur != -* ]]; then
		_skein_words "enroll" "$cur"
	else
		_skein_words "--config --ebpf --poll --collector --proxy --proxy-login --data --once --out --show-what-you-send
			--spool-size --spool-free --replay --again --mirror --threads --ring --filter --read --connections --names --max-connections --self-test --self-check-clean --json
			--cpu-budget --memory-budget --arguments --no-translations --deny-kernels
			--interval --max-edges --max-sockets --log-level --help --version" "$cur"
	fi
}

# As _skein_listed; the first line is the header.
_skein_sensors() {
	local i name db=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == --data ]] && db=(--data "${COMP_WORDS[i + 1]}")
	done
	while IFS=$'\t' read -r name _; do
		[[ $name == s-* && $name == "$1"* ]] && COMPREPLY+=("$(printf %q "$name")")
	done < <("${COMP_WORDS[0]}" sensor list "${db[@]}" 2>/dev/null)
}

_skein_collector() {
	local cur=${COMP_WORDS[COMP_CWORD]}

	_skein_argument "${COMP_WORDS[COMP_CWORD - 1]}" "$cur" && return
	if [[ ${COMP_WORDS[1]} == api-token && $COMP_CWORD == 2 ]]; then
		_skein_words "create list revoke" "$cur"
	elif [[ ${COMP_WORDS[1]} == api-token ]]; then
		_skein_words "--data --role --name --ttl --json --help" "$cur"
	elif [[ ${COMP_WORDS[1]} == token && $COMP_CWORD == 2 ]]; then
		_skein_words "create list revoke" "$cur"
	elif [[ ${COMP_WORDS[1]} == token ]]; then
		_skein_words "--data --role --ttl --uses --cidr --realm --json --quiet --help" "$cur"
	elif [[ ${COMP_WORDS[1]} == sensor && $COMP_CWORD == 2 ]]; then
		_skein_words "list show revoke allow purge realm" "$cur"
	elif [[ ${COMP_WORDS[1]} == sensor && $cur != -* ]]; then
		_skein_sensors "$cur"
	elif [[ ${COMP_WORDS[1]} == sensor ]]; then
		_skein_words "--data --since --json --quiet --help" "$cur"
	elif [[ ${COMP_WORDS[1]} == backup || ${COMP_WORDS[1]} == restore ]]; then
		_skein_words "--data --help $([[ ${COMP_WORDS[1]} == backup ]] && echo --keep)" "$cur"
		COMPREPLY+=($(compgen -f -- "$cur"))
	elif [[ ${COMP_WORDS[1]} == erase ]]; then
		_skein_words "--data --help" "$cur"
	elif ((COMP_CWORD == 1)) && [[ $cur != -* ]]; then
		_skein_words "token sensor api-token backup restore erase" "$cur"
	else
		_skein_words "--data --config --listen --flows --flow-exporters --http --http-cert --http-key --http-names
			--relay --relays --proxy --proxy-login
			--keep-minutes --keep-hours --keep-days --keep-total
			--memory --fold-clients --estate --log-level --help --version" "$cur"
	fi
}

complete -F _skein skein
complete -F _skein_sensor skein-sensor
complete -F _skein_collector skein-collector
