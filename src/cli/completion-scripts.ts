/**
 * What `ihc completion <shell>` prints and completions/ holds. The scripts ask `ihc __complete` for everything and treat each
 * line as data: nothing that comes from a gateway is ever expanded or evaluated, so a target named `$(id)` stays a name.
 */
export const shells = ["bash", "zsh", "fish", "powershell"] as const;

export type Shell = (typeof shells)[number];

export const scriptFiles: Readonly<Record<Shell, string>> = {
  bash: "ihc.bash",
  zsh: "ihc.zsh",
  fish: "ihc.fish",
  powershell: "ihc.ps1",
};

/** Stands for the empty word where a shell drops empty arguments (PowerShell before 7.3). */
export const emptyWord = ":empty:";

export function completionScript(shell: Shell): string {
  return scripts[shell];
}

const bash = `# Completion of ihc for bash. Written by: ihc completion bash
# Use it:  source <(ihc completion bash)
_ihc_complete() {
  local value about quoted
  COMPREPLY=()
  while IFS=$'\\t' read -r value about; do
    printf -v quoted '%q' "$value"
    COMPREPLY+=("$quoted")
  done < <(ihc __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _ihc_complete ihc
`;

const zsh = `#compdef ihc
# Completion of ihc for zsh. Written by: ihc completion zsh
# Use it:  source <(ihc completion zsh), or save it as _ihc in a folder of $fpath
_ihc() {
  local value about
  local -a values texts
  while IFS=$'\\t' read -r value about; do
    values+=("$value")
    texts+=("$value\${about:+  -- $about}")
  done < <(ihc __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#values} )); then
    compadd -l -d texts -a values
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == "_ihc" ]]; then
  _ihc "$@"
else
  compdef _ihc ihc
fi
`;

const fish = `# Completion of ihc for fish. Written by: ihc completion fish
# Use it:  ihc completion fish | source
function __ihc_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    ihc __complete $words[2..-1] "$current" 2>/dev/null
end
complete -c ihc -f -a '(__ihc_complete)'
`;

const powershell = `# Completion of ihc for PowerShell. Written by: ihc completion powershell
# Use it:  ihc completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName ihc -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -le $cursorPosition } | ForEach-Object { $_.Extent.Text })
    if ($wordToComplete -eq '') { $words += '${emptyWord}' }
    & ihc __complete @words 2>$null | ForEach-Object {
        $value, $about = $_ -split "\`t", 2
        if (-not $about) { $about = $value }
        $text = if ($value -match '^[\\w.:@/-]+$') { $value } else { "'" + $value.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $about)
    }
}
`;

const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish, powershell };
