# SPDX-License-Identifier: Apache-2.0
# Completion of skein for fish.

function __skein_machines
    set -l words (commandline -opc)
    set -l db
    for i in (seq (count $words))
        if contains -- $words[$i] --db --data --server --token-file --ca; and test $i -lt (count $words)
            set -a db $words[$i] $words[(math $i + 1)]
        end
    end
    skein machines $db --no-header --quiet 2>/dev/null | cut -f1
end

function __skein_groups
    set -l words (commandline -opc)
    set -l db
    for i in (seq (count $words))
        if contains -- $words[$i] --db --data --server --token-file --ca; and test $i -lt (count $words)
            set -a db $words[$i] $words[(math $i + 1)]
        end
    end
    skein groups show $db --no-header --quiet 2>/dev/null | cut -f1
end

set -l commands up down import machines edges services groups explain diff diagram waves export doctor help version
set -l groups "__fish_seen_subcommand_from groups"
set -l ends "__fish_seen_subcommand_from machines edges services diagram"
set -l rows "__fish_seen_subcommand_from machines edges services groups diff waves"
set -l explain "__fish_seen_subcommand_from explain"
set -l diff "__fish_seen_subcommand_from diff"
set -l window "__fish_seen_subcommand_from groups edges diagram explain diff export"
set -l filter "__fish_seen_subcommand_from edges services diagram"
set -l zone "__fish_seen_subcommand_from groups machines edges services diagram explain diff waves"
set -l asked "__fish_seen_subcommand_from machines edges services groups explain diff diagram waves export doctor"
set -l database "__fish_seen_subcommand_from import machines edges services groups explain diff diagram waves export doctor up down"

complete -c skein -f
complete -c skein -n __fish_use_subcommand -a up -d 'watch this machine'
complete -c skein -n __fish_use_subcommand -a down -d 'stop what up started'
complete -c skein -n __fish_use_subcommand -a import -d 'bring JSON lines into a database'
complete -c skein -n __fish_use_subcommand -a machines -d 'list the machines'
complete -c skein -n __fish_use_subcommand -a edges -d 'list who depends on whom'
complete -c skein -n __fish_use_subcommand -a services -d 'list what listens'
complete -c skein -n __fish_use_subcommand -a groups -d 'propose what moves together'
complete -c skein -n __fish_use_subcommand -a explain -d 'why it stands where it stands'
complete -c skein -n __fish_use_subcommand -a diff -d 'what changed'
complete -c skein -n __fish_use_subcommand -a diagram -d 'draw the map'
complete -c skein -n __fish_use_subcommand -a export -d 'hand the plan over'
complete -c skein -n __fish_use_subcommand -a doctor -d 'what keeps the map from being whole'
complete -c skein -n __fish_use_subcommand -a help -d 'explain a command'
complete -c skein -n __fish_use_subcommand -a version -d 'print the version'
complete -c skein -n "__fish_seen_subcommand_from help" -a "$commands"
complete -c skein -n "__fish_seen_subcommand_from import" -F
complete -c skein -n "__fish_seen_subcommand_from machines edges services explain" -a "(__skein_machines)"
complete -c skein -n "$explain" -s g -l group -x -d 'the group or shared service'
complete -c skein -n "$explain" -l watch -d 'have we watched long enough'
complete -c skein -n "$explain" -l plan -x -d 'by this plan'
complete -c skein -n "$explain" -l json -d 'one JSON object'
complete -c skein -n "$explain" -l all -d 'every tie, edge and user'
complete -c skein -n "$diff" -l plans -d 'two plans'
complete -c skein -n "$diff" -l with-db -r -F -d 'the database after'
complete -c skein -n "$diff" -l factor -x -d 'what is a change'
complete -c skein -n "__fish_seen_subcommand_from import" -l csv -d 'the files are CSV lists of machines'

complete -c skein -n "$database" -l db -r -F -d 'the database'
complete -c skein -n "$asked" -l server -x -d 'ask a collector'
complete -c skein -n "$asked" -l token-file -r -F -d 'its token'
complete -c skein -n "$asked" -l ca -r -F -d 'whom to trust'
complete -c skein -n "$database" -l data -x -a "(__fish_complete_directories)" -d 'data directory'
complete -c skein -n "$ends" -s m -l machine -x -a "(__skein_machines)" -d 'only this machine'
complete -c skein -n "$filter" -l process -x -d 'only this process'
complete -c skein -n "$filter" -s p -l port -x -d 'only this service port'
complete -c skein -n "$window" -l since -x -d 'from this time on'
complete -c skein -n "$window" -l until -x -d 'up to this time'
complete -c skein -n "$zone" -l tz -x -a 'UTC local' -d 'zone of times'
complete -c skein -n "$rows" -l json -d 'JSON array'
complete -c skein -n "$rows" -a --json=lines -d 'JSON lines'
complete -c skein -n "$rows" -l csv -d CSV
complete -c skein -n "$rows" -l no-header -d 'no header line'
complete -c skein -n "$rows" -l limit -x -d 'rows at most'
complete -c skein -n "$rows" -l all -d 'every row'
complete -c skein -n "$groups" -a 'show move pin together apart shared not-shared env site limit edits undo rename accept lock unlock state owner note plans label export import'
complete -c skein -n "$groups" -a "(__skein_machines) (__skein_groups)"
complete -c skein -n "$groups" -l size -x -d 'machines in a group at most'
complete -c skein -n "$groups" -l sites-apart -d 'a group is at one site'
complete -c skein -n "$groups" -l envs-mixed -d 'environments are not kept apart'
complete -c skein -n "$groups" -l no-names -d 'host names say nothing'
complete -c skein -n "$groups" -l no-tags -d 'columns of machines say nothing'
complete -c skein -n "$groups" -l no-subnets -d 'addresses say nothing'
complete -c skein -n "$groups" -l plan -x -d 'this plan, not the newest'
complete -c skein -n "$groups" -s n -l dry-run -d 'keep nothing'
complete -c skein -n "$groups" -s o -l output -r -F -d 'export into this file'
complete -c skein -n "__fish_seen_subcommand_from diagram" -s o -l output -r -F -d picture
complete -c skein -n "__fish_seen_subcommand_from diagram" -l overview -d 'the whole map'
complete -c skein -n "__fish_seen_subcommand_from diagram" -s g -l group -x -d 'one group and its neighbours'
complete -c skein -n "__fish_seen_subcommand_from diagram" -l machines -d 'the map by machines'
complete -c skein -n "__fish_seen_subcommand_from diagram" -s f -l format -x -a 'svg dot png pdf'
set -l export "__fish_seen_subcommand_from export"
complete -c skein -n "$export" -s f -l format -x -a 'csv json graphml gexf drawio cypher mermaid'
complete -c skein -n "$export" -s o -l output -r -F -d file
complete -c skein -n "$export" -s t -l table -x -a 'machines groups shared waves cuts edges'
complete -c skein -n "$export" -l edges -d 'each single edge too'
complete -c skein -n "$export" -l plan -x -d 'an older plan'
complete -c skein -n "$export" -l tz -x -a 'UTC local' -d 'zone of times'
complete -c skein -n "__fish_seen_subcommand_from doctor" -l json -d 'JSON array'
complete -c skein -n "__fish_seen_subcommand_from doctor" -l all -d 'every sensor'
complete -c skein -n "__fish_seen_subcommand_from up" -l listen -x -d 'ADDR:PORT'
complete -c skein -n "__fish_seen_subcommand_from up" -l interval -x -d 'how often to report'
complete -c skein -n "__fish_seen_subcommand_from up" -l for -x -d 'how long'
complete -c skein -n "__fish_seen_subcommand_from up" -l poll -d 'watch without eBPF'
complete -c skein -l color -d 'auto, always or never'
complete -c skein -s q -l quiet -d 'no hints, counts and progress'
complete -c skein -s h -l help -d help

set -l waves "__fish_seen_subcommand_from waves"
complete -c skein -n "$waves" -l capacity -x -d 'machines a wave'
complete -c skein -n "$waves" -l capacity-gb -x -d 'used GB a wave'
complete -c skein -n "$waves" -l pilot -x -d 'machines of the first wave'
complete -c skein -n "$waves" -l start -x -d 'day of the first cutover'
complete -c skein -n "$waves" -l every -x -d 'from cutover to cutover'
complete -c skein -n "$waves" -l deadline -x -d 'day of the last cutover'
complete -c skein -n "$waves" -l freeze -x -d 'no cutover on these days'
complete -c skein -n "$waves" -l link -x -a '100mbit 1gbit 10gbit' -d 'what replicates'
complete -c skein -n "$waves" -l assume-gb -x -d 'used GB where nobody said it'
complete -c skein -n "$waves" -l shared -x -d 'how to treat a service'
complete -c skein -n "$waves" -l rtt -x -d 'round trip in milliseconds'
complete -c skein -n "$waves" -l chatty -x -d 'connections a day'
complete -c skein -n "$waves" -s w -l wave -x -d 'this wave'
complete -c skein -n "$waves" -l firewall -x -a 'csv nft' -d 'rules that must be open'
complete -c skein -n "$waves" -l tz -x -a 'UTC local' -d 'zone of times'
complete -c skein -n "$waves" -l json -d 'JSON array'
complete -c skein -n "$waves" -a --json=lines -d 'JSON lines'
complete -c skein -n "$waves" -l csv -d CSV
complete -c skein -n "$waves" -l no-header -d 'no header line'
complete -c skein -n "$waves" -l limit -x -d 'rows at most'
complete -c skein -n "$waves" -l all -d 'every row'
complete -c skein -n "$waves" -s n -l dry-run -d 'keep nothing'
complete -c skein -n "$waves" -l reset -d 'forget the rules'
complete -c skein -n "$waves" -a show
