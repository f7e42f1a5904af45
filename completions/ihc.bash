# Completion of ihc for bash. Written by: ihc completion bash
# Use it:  source <(ihc completion bash)
_ihc_complete() {
  local value about quoted
  COMPREPLY=()
  while IFS=$'\t' read -r value about; do
    printf -v quoted '%q' "$value"
    COMPREPLY+=("$quoted")
  done < <(ihc __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _ihc_complete ihc
