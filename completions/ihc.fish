# Completion of ihc for fish. Written by: ihc completion fish
# Use it:  ihc completion fish | source
function __ihc_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    ihc __complete $words[2..-1] "$current" 2>/dev/null
end
complete -c ihc -f -a '(__ihc_complete)'
