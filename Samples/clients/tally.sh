# A client of Tally servers in bash, to be sourced. The protocol is in docs/wire-protocol.md.
#
#   . tally.sh && tally_open 127.0.0.1 6480 && tally_ask 'QUERY sum(cost) by model'

# tally_open [HOST [PORT [TOKEN]]]: connects.
tally_open() {
  exec {tally}<>"/dev/tcp/${1:-127.0.0.1}/${2:-6480}" || return
  [ -z "$3" ] || tally_ask "AUTH TOKEN $3"
}

# tally_ask REQUEST [PAYLOAD]: prints the rows of the answer; its last line is $tally_reply. Fails,
# and prints the error, if the server refuses or the answer is not whole.
tally_ask() {
  local LC_ALL=C line count rows crlf
  if [ $# -gt 1 ]; then set -- "$1 {${#2}}" "$2"; fi
  printf '%s\n' "$@" >&"$tally"
  while IFS= read -r line <&"$tally"; do
    case $line in
      '>'*)
        count=${line##*\{}
        IFS= read -r -N "${count%\}}" rows <&"$tally" && IFS= read -r crlf <&"$tally" || break
        printf '%s' "$rows" ;;
      [+.]*) tally_reply=$line; return 0 ;;
      -*) tally_reply=$line; printf '%s\n' "$line" >&2; return 1 ;;
    esac
  done
  echo 'the connection ended before the answer did' >&2
  return 2
}

tally_close() { tally_ask QUIT; exec {tally}>&-; }
