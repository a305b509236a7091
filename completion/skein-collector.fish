# SPDX-License-Identifier: Apache-2.0
# Completion of skein-collector for fish.
set -l token "__fish_seen_subcommand_from token"
set -l sensor "__fish_seen_subcommand_from sensor"
set -l api "__fish_seen_subcommand_from api-token"
set -l either "__fish_seen_subcommand_from token sensor api-token"
set -l word "__fish_seen_subcommand_from token sensor api-token backup restore erase"
set -l timed "__fish_seen_subcommand_from token api-token"

complete -c skein-collector -f
complete -c skein-collector -n __fish_use_subcommand -a token -d 'let sensors in'
complete -c skein-collector -n __fish_use_subcommand -a sensor -d 'who is in, and who may'
complete -c skein-collector -n __fish_use_subcommand -a api-token -d 'let people and programs ask'
complete -c skein-collector -n "$timed; and not __fish_seen_subcommand_from create list revoke" \
	-a 'create list revoke'
complete -c skein-collector -n "$sensor; and not __fish_seen_subcommand_from list show revoke allow purge realm" \
	-a 'list show revoke allow purge realm'
complete -c skein-collector -l data -x -a '(__fish_complete_directories)' -d 'data directory'
complete -c skein-collector -n "not $word" -l listen -x -d 'for sensors, ADDR:PORT'
complete -c skein-collector -n "not $word" -l http -x -d 'for people and programs, ADDR:PORT'
complete -c skein-collector -n "not $word" -l http-cert -r -F -d 'certificate of your own'
complete -c skein-collector -n "not $word" -l http-key -r -F -d 'its key'
complete -c skein-collector -n "not $word" -l http-names -x -d 'by which names it is called'
complete -c skein-collector -n "not $word" -l relay -x -d 'pass on to HOST:PORT'
complete -c skein-collector -n "not $word" -l relays -x -d 'that are believed, NET,...'
complete -c skein-collector -n "not $word" -l proxy -x -d 'of a relay, HOST:PORT'
complete -c skein-collector -n "not $word" -l proxy-login -r -F -d 'its user and password'
complete -c skein-collector -n "not $word" -l flows -x -d 'for flows over UDP, ADDR:PORT'
complete -c skein-collector -n "not $word" -l flow-exporters -x -d 'whose flows are taken'
complete -c skein-collector -n "not $word" -l config -r -d 'configuration file'
complete -c skein-collector -n __fish_use_subcommand -a backup -d 'copy the database'
complete -c skein-collector -n __fish_use_subcommand -a restore -d 'put a copy back'
complete -c skein-collector -n __fish_use_subcommand -a erase -d 'forget an address or a name'
complete -c skein-collector -n "__fish_seen_subcommand_from backup" -l keep -x -d 'older ones to keep'
complete -c skein-collector -n "__fish_seen_subcommand_from backup restore" -F
complete -c skein-collector -n "not $word" -l keep-minutes -x -d 'how long to keep minutes'
complete -c skein-collector -n "not $word" -l keep-hours -x -d 'how long to keep hours'
complete -c skein-collector -n "not $word" -l keep-days -x -d 'how long to keep days'
complete -c skein-collector -n "not $word" -l keep-total -x -d 'how long to keep edges'
complete -c skein-collector -n "not $word" -l fold-clients -x -d 'keep clients as networks'
complete -c skein-collector -n "not $word" -l estate -x -d 'that is never folded'
complete -c skein-collector -n "not $word" -l memory -x -d 'megabytes for the caches'
complete -c skein-collector -n "not $word" -l log-level -x -a 'debug info warn err'
complete -c skein-collector -n "$token" -l role -x -a 'host mirror' -d role
complete -c skein-collector -n "$api" -l role -x -a 'read edit admin' -d role
complete -c skein-collector -n "$api" -l name -x -d 'by which the audit calls it'
complete -c skein-collector -n "$timed" -l ttl -x -d 'how long it is good'
complete -c skein-collector -n "$token" -l uses -x -d 'how often'
complete -c skein-collector -n "$token" -l realm -x -d 'address space'
complete -c skein-collector -n "$token" -l cidr -x -d 'from where'
complete -c skein-collector -n "$sensor" -l since -x -d 'of purge: what it said from then on'
complete -c skein-collector -n "$either" -l json -d 'as JSON'
complete -c skein-collector -n "$token; or $sensor" -l quiet -d 'not a word'
complete -c skein-collector -l help -d help
complete -c skein-collector -n "not $word" -l version -d version
