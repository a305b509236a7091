# SPDX-License-Identifier: Apache-2.0
# Completion of skein for fish.

function __skein_machines
    set -l words (commandline -opc)
    set -l db
    for i in (seq (count $words))
        if contains -- $words[$i] --db --data; and test $i -lt (count $words)
            set db $words[$i] $words[(math $i + 1)]
        end
    end
    skein machines $db --no-header --quiet 2>/dev/null | cut -f1
end

set -l commands up down import machines edges services diagram help version
set -l list "__fish_seen_subcommand_from machines edges services"
set -l window "__fish_seen_subcommand_from edges diagram"
set -l filter "__fish_seen_subcommand_from edges services diagram"
set -l zone "__fish_seen_subcommand_from machines edges services diagram"
set -l database "__fish_seen_subcommand_from import machines edges services diagram up down"

complete -c skein -f
complete -c skein -n __fish_use_subcommand -a up -d 'watch this machine'
complete -c skein -n __fish_use_subcommand -a down -d 'stop what up started'
complete -c skein -n __fish_use_subcommand -a import -d 'bring JSON lines into a database'
complete -c skein -n __fish_use_subcommand -a machines -d 'list the machines'
complete -c skein -n __fish_use_subcommand -a edges -d 'list who depends on whom'
complete -c skein -n __fish_use_subcommand -a services -d 'list what listens'
complete -c skein -n __fish_use_subcommand -a diagram -d 'draw the map'
complete -c skein -n __fish_use_subcommand -a help -d 'explain a command'
complete -c skein -n __fish_use_subcommand -a version -d 'print the version'
complete -c skein -n "__fish_seen_subcommand_from help" -a "$commands"
complete -c skein -n "__fish_seen_subcommand_from import" -F
complete -c skein -n "__fish_seen_subcommand_from import" -l csv -d 'the files are CSV lists of machines'
complete -c skein -n "$list" -a "(__skein_machines)"

complete -c skein -n "$database" -l db -r -F -d 'the database'
complete -c skein -n "$database" -l data -x -a "(__fish_complete_directories)" -d 'data directory'
complete -c skein -n "$zone" -s m -l machine -x -a "(__skein_machines)" -d 'only this machine'
complete -c skein -n "$filter" -l process -x -d 'only this process'
complete -c skein -n "$filter" -s p -l port -x -d 'only this service port'
complete -c skein -n "$window" -l since -x -d 'from this time on'
complete -c skein -n "$window" -l until -x -d 'up to this time'
complete -c skein -n "$zone" -l tz -x -a 'UTC local' -d 'zone of times'
complete -c skein -n "$list" -l json -d 'JSON array'
complete -c skein -n "$list" -a --json=lines -d 'JSON lines'
complete -c skein -n "$list" -l csv -d CSV
complete -c skein -n "$list" -l no-header -d 'no header line'
complete -c skein -n "$list" -l limit -x -d 'rows at most'
complete -c skein -n "$list" -l all -d 'every row'
complete -c skein -n "__fish_seen_subcommand_from diagram" -s o -l output -r -F -d picture
complete -c skein -n "__fish_seen_subcommand_from diagram" -l overview -d 'the whole map'
complete -c skein -n "__fish_seen_subcommand_from diagram" -s g -l group -x -d 'one group and its neighbours'
complete -c skein -n "__fish_seen_subcommand_from diagram" -l machines -d 'the map by machines'
complete -c skein -n "__fish_seen_subcommand_from diagram" -s f -l format -x -a 'svg dot png pdf'
complete -c skein -n "__fish_seen_subcommand_from up" -l listen -x -d 'ADDR:PORT'
complete -c skein -n "__fish_seen_subcommand_from up" -l interval -x -d 'how often to report'
complete -c skein -n "__fish_seen_subcommand_from up" -l for -x -d 'how long'
complete -c skein -l color -d 'auto, always or never'
complete -c skein -s q -l quiet -d 'no hints, counts and progress'
complete -c skein -s h -l help -d help
