# SPDX-License-Identifier: LGPL-2.1-only
# bash completion of aclipc

# _aclipc_keys WORD: what "aclipc list" shows to this user.  The shell takes a
# colon for a word of its own, and then wants only what follows it.
_aclipc_keys()
{
	local before=gen:

	[[ $1 != : && ${COMP_WORDS[COMP_CWORD - 1]} != : ]] || before=
	aclipc list 2> /dev/null |
		sed -n "s/^ *\\([0-9][0-9]*\\) .*/$before\\1/p"
}

# the first word after the options of run begins another command line
_aclipc_run()
{
	local i

	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--library) ((i++)) ;;
		--library=* | --strict) ;;
		--) ((i++)); break ;;
		*) break ;;
		esac
	done
	if ((i < COMP_CWORD)) || [[ ${COMP_WORDS[i - 1]} = -- ]]; then
		if declare -F _command_offset > /dev/null; then
			_command_offset "$i"
		elif declare -F _comp_command_offset > /dev/null; then
			_comp_command_offset "$i"
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$1")
		fi
	elif [[ $2 = --library ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$1")
	elif [[ $1 = -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			'--strict --library --help --' -- "$1")
	else
		mapfile -t COMPREPLY < <(compgen -c -- "$1")
	fi
}

_aclipc()
{
	local word=$2 before=$3 words

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'list holders watch revoke
			run doctor help --help --version' -- "$word")
		return
	fi
	case ${COMP_WORDS[1]} in
	run) _aclipc_run "$word" "$before"; return ;;
	list | watch) words='--json --help' ;;
	holders) words='--json --help' ;;
	revoke) words='--yes --help' ;;
	doctor) words='--json --help' ;;
	*) return ;;
	esac
	if [[ $word != -* ]]; then
		case ${COMP_WORDS[1]} in
		holders | revoke) 
			words=$(_aclipc_keys "$word")
			word=${word#:} ;;
		doctor) words=$(cd /proc && echo [0-9]*) ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _aclipc aclipc
