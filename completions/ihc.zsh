#compdef ihc
# Completion of ihc for zsh. Written by: ihc completion zsh
# Use it:  source <(ihc completion zsh), or save it as _ihc in a folder of $fpath
_ihc() {
  local value about
  local -a values texts
  while IFS=$'\t' read -r value about; do
    values+=("$value")
    texts+=("$value${about:+  -- $about}")
  done < <(ihc __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( ${#values} )); then
    compadd -l -d texts -a values
  else
    _files
  fi
}
if [[ "${funcstack[1]}" == "_ihc" ]]; then
  _ihc "$@"
else
  compdef _ihc ihc
fi
