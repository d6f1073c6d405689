#!/bin/sh
# Prints what tells one wallet from another, and no address, key or seed: run in the folder of wallets, in
# a node's image, by clients/fingerprint.py. Each argument is a chain whose beginning is asked for:
# FILE <tab> CHAIN <tab> COUNT. Lines printed, with <tab> between their words:
#   id ID                           of the volume
#   damaged FILE                    a wallet that can't be read
#   file N FILE                     another file's name, under a number: a wallet, or the temporary copy that the
#                                   node makes of one while it saves it, where that copy is whole
#   type N TYPE                     its meta.type; one without this line is truncated, or no wallet
#   secret N                        it holds what spends
#   keys N COUNT                    of a collection: readable secret keys, which no seed brings back
#   count N CHAIN COUNT             addresses of a chain: - for the only one, ACCOUNT/CHAIN for bip44
#   all N CHAIN SHA-256             of its addresses, one a line, in the order of the file
#   first N CHAIN COUNT SHA-256     of the first COUNT of them, where it is asked for
#   end                             last: what comes without it was cut off on its way
# In a FILE, a control character, a backslash, and each byte that is not part of UTF-8 is \xNN, as
# wallets/files/fingerprint.py has it: engines change other bytes in what a container prints, and two wallets would get one name.
# busybox has no JSON parser. With quotes as the ends of awk's records, every second one is a string. Like the
# node, this reads the first JSON value of a file, and nothing behind it.
set -u
# One that can't be listed is not an empty one. No node starts in one that it can't write to; Docker gives an
# empty volume its owner when it is mounted.
[ -r . ] || { echo "the wallet's folder can't be listed"; exit 1; }
[ -w . ] || [ -z "$(ls -A . 2> /dev/null)" ] || { echo "the wallet's folder can't be written to"; exit 1; }
[ ! -e .skyinfra-id ] || [ -r .skyinfra-id ] || { echo ".skyinfra-id can't be read"; exit 1; }
# Nothing behind the id: whoever writes to the volume could otherwise add lines to what this prints.
identity=$([ ! -f .skyinfra-id ] || head -c 33 .skyinfra-id)
if printf '%s\n' "$identity" | grep -Eqx '[0-9a-f]{32}'; then printf 'id\t%s\n' "$identity"; fi

# shellcheck disable=SC2016 # awk's words, not the shell's
printable='
function printable(name,    more, character, code, said) {
    # Of one to four bytes (RFC 3629, section 4).
    more = "[\200-\277]"
    character = "[^\001-\037\\\\\177-\377]|[\302-\337]" more \
        "|(\340[\240-\277]|[\341-\354\356\357]" more "|\355[\200-\237])" more \
        "|(\360[\220-\277]|[\361-\363]" more "|\364[\200-\217])" more more
    while (name != "") {
        if (match(name, "^(" character ")+")) {
            said = said substr(name, 1, RLENGTH)
            name = substr(name, RLENGTH + 1)
        } else {
            for (code = 1; sprintf("%c", code) != substr(name, 1, 1); code++);
            said = said sprintf("\\x%02x", code)
            name = substr(name, 2)
        }
    }
    return said
}
'
# shellcheck disable=SC2016 # awk's words, not the shell's
parser='
function fail() { broken = 1 }
function finish(    chain) {
    seal()
    if (broken || !closed || type == "" || type ~ /[\t\n]/) return
    print "type\t" number "\t" type
    if (spends) print "secret\t" number
    if (type == "collection" && keys) print "keys\t" number "\t" keys
    for (chain in count) print "count\t" number "\t" chain "\t" count[chain]
}
function add(chain,    wanted) {
    if (chain !~ /^(-|[0-9]+\/[0-9]+)$/) { fail(); return }
    wanted = first[chain]
    # One chain after the other, as nodes write them: two programs at a time, however many chains there are.
    if (chain != current) {
        seal()
        if (chain in count) { fail(); return }
        current = chain
        whole = "echo \"all\t" number "\t" chain "\t$(sha256sum)\""
        part = wanted ? "echo \"first\t" number "\t" chain "\t" wanted "\t$(sha256sum)\"" : ""
    }
    count[chain]++
    print address | whole
    if (count[chain] <= wanted) print address | part
}
function seal() {
    if (current == "") return
    close(whole)
    if (part != "") close(part)
    current = ""
}
function value(text,    field) {
    if (wanted_next !~ /^value/) fail()
    wanted_next = "end"
    field = kind[depth] == "{" ? key[depth] : ""
    if (depth == 2 && key[1] == "meta") {
        if (field == "type") type = text
        if ((field == "seed" || field == "secrets") && text != "") spends = 1
    }
    if ((field == "secret_key" || field == "secret" || field == "private_key") && text != "") spends = 1
    if (!is_entry()) return
    if (field == "address") address = text
    if (field == "change") change = text
    if (field == "public_key") public = text
    if (field == "secret_key") private = text
}
function is_entry() { return kind[depth] == "{" && kind[depth - 1] == "[" && key[depth - 2] == "entries" }
function word() {
    if (literal == "") return
    if (literal !~ /^(true|false|null|-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?)$/) fail()
    value(literal)
    literal = ""
}
function open(sign) {
    if (wanted_next !~ /^value/ || literal != "") fail()
    kind[++depth] = sign
    key[depth] = place[depth] = ""
    wanted_next = sign == "{" ? "key or end" : "value or end"
    address = change = public = private = ""
}
# Strings that were cut and joined: the node reads no wallet with a key of another length or alphabet.
function check() {
    if (address ~ /[^1-9A-HJ-NP-Za-km-z]/) fail()
    if (public != "" && (length(public) != 66 || public !~ /^0[23][0-9a-fA-F]+$/)) fail()
    if (private != "" && (length(private) != 64 || private ~ /[^0-9a-fA-F]/)) fail()
}
function shut(sign) {
    word()
    if (kind[depth] != (sign == "}" ? "{" : "[") || wanted_next !~ /end$/) fail()
    # v0.27.1 has one account, and the chain with each entry; later ones have accounts of chains.
    if (is_entry()) check()
    if (is_entry() && private != "") keys++
    if (is_entry() && address != "")
        add(depth == 7 ? place[2] + 0 "/" place[4] + 0 : change != "" ? "0/" change : "-")
    address = change = public = private = ""
    depth--
    wanted_next = "end"
    closed = !depth
}
function structure(text,    i, sign) {
    if (text ~ /[^][{}:, \t\r\n][ \t\r\n]+[^][{}:, \t\r\n]/) fail()
    gsub(/[ \t\r\n]/, "", text)
    for (i = 1; i <= length(text) && !broken && !closed; i++) {
        sign = substr(text, i, 1)
        if (!depth && sign != "{") fail()
        else if (sign == "{" || sign == "[") open(sign)
        else if (sign == "}" || sign == "]") shut(sign)
        else if (sign == ",") {
            word()
            if (wanted_next != "end") fail()
            if (kind[depth] == "{") wanted_next = "key"; else { wanted_next = "value"; place[depth]++ }
        } else if (sign == ":") {
            if (wanted_next != "colon" || literal != "") fail()
            wanted_next = "value"
        } else literal = literal sign
    }
}
function text_of(string,    rest) {
    if (string ~ /[\001-\037]/ || literal != "") fail()
    if (index(string, "\\")) {
        rest = string
        gsub(/\\\\/, "", rest)
        gsub(/\\u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]/, "", rest)
        gsub(/\\["\/bfnrt]/, "", rest)
        if (rest ~ /\\/) fail()
    }
    if (wanted_next !~ /^key/) { value(string); return }
    key[depth] = string
    wanted_next = "colon"
}
BEGIN {
    file = printable(ENVIRON["file"])
    number = ENVIRON["number"]
    print "file\t" number "\t" file
    for (i = 1; i < ARGC; i++) {
        split(ARGV[i], asked, "\t")
        if (asked[1] == file) first[asked[2]] = asked[3]
        ARGV[i] = ""
    }
    RS = "\""
    wanted_next = "value"
}
broken || closed { next }
in_string {
    string = string $0
    if (match($0, /\\+$/) && RLENGTH % 2) { string = string "\""; next }
    text_of(string)
    in_string = 0
    next
}
{ structure($0); string = ""; in_string = 1 }
END { finish() }
'

# The node names a temporary copy by the first digits of its SHA-256.
is_whole_copy() {
    digits=${1##*.tmp.}
    case $(sha256sum < "$1") in "$digits"*) [ "${#digits}" -eq 8 ] ;; *) false ;; esac
}

number=0
# The node reads each file whose name ends with wlt.
for path in ./*wlt ./.*wlt ./*wlt.tmp.* ./.*wlt.tmp.*; do
    [ -f "$path" ] || continue
    if [ ! -r "$path" ]; then
        case $path in
            *wlt) LC_ALL=C file=${path#./} awk "$printable BEGIN { print \"damaged\t\" printable(ENVIRON[\"file\"]) }" ;;
        esac
        continue
    fi
    case $path in *wlt) ;; *) is_whole_copy "$path" || continue ;; esac
    number=$((number + 1))
    # awk would end at a byte of zero, which a power cut leaves in blocks, and no wallet has.
    tr '\000' '\001' < "$path" | LC_ALL=C file=${path#./} number=$number awk "$printable$parser" "$@" || exit 1
done
echo end
