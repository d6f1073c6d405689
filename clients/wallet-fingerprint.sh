#!/bin/sh
# Prints what tells one wallet from another, and no address, key or seed: run in the folder of wallets, in
# a node's image, by clients/fingerprint.py. Each argument is a chain whose beginning is asked for:
# FILE <tab> CHAIN <tab> COUNT. Lines printed, with <tab> between their words:
#   id ID                           of the volume
#   damaged FILE                    a wallet that is empty, has zeros, or can't be read
#   file N FILE                     another wallet's file name, under a number
#   type N TYPE                     its meta.type; one without this line is cut short, or no wallet
#   secret N                        it holds what spends
#   count N CHAIN COUNT             addresses of a chain: - for the only one, ACCOUNT/CHAIN for bip44
#   all N CHAIN SHA-256             of its addresses, one a line, in the order of the file
#   first N CHAIN COUNT SHA-256     of the first COUNT of them, where it is asked for
# busybox has no JSON parser. With quotes as the ends of awk's records, every second one is a string.
set -u
[ ! -s .skyinfra-id ] || printf 'id\t%s\n' "$(head -n 1 .skyinfra-id)"

# awk ends at a byte of zero, which a power cut leaves in blocks and no wallet has.
is_text() { [ "$(tr -d '\000' < "$1" | wc -c)" -eq "$(wc -c < "$1")" ]; }

asked=$(printf '%s\n' "$@")
set --
for file in ./*.wlt; do
    [ -f "$file" ] || continue
    if [ -r "$file" ] && [ -s "$file" ] && is_text "$file"; then
        set -- "$@" "$file"
    else
        printf 'damaged\t%s\n' "$(printf '%s' "${file#./}" | tr '\t\n' '??')"
    fi
done
[ "$#" -gt 0 ] || exit 0

printf '%s\n' "$asked" | awk '
function begin() {
    number++
    file = substr(FILENAME, 3); gsub(/[\t\n]/, "?", file)
    print "file\t" number "\t" file
    depth = spends = broken = wants_key = 0
    type = literal = string = ""
    in_string = 0
    split("", kind); split("", key); split("", place); split("", count)
    split("", whole); split("", part)
}
function finish(    chain) {
    for (chain in whole) close(whole[chain])
    for (chain in part) close(part[chain])
    # The last record of a whole file stands behind its last string.
    if (broken || depth || !in_string || type == "" || type ~ /[\t\n]/) return
    print "type\t" number "\t" type
    if (spends) print "secret\t" number
    for (chain in count) print "count\t" number "\t" chain "\t" count[chain]
}
function add(chain,    wanted) {
    if (chain !~ /^(-|[0-9]+\/[0-9]+)$/) { broken = 1; return }
    wanted = first[file, chain]
    if (!(chain in whole)) {
        whole[chain] = "echo \"all\t" number "\t" chain "\t$(sha256sum)\""
        if (wanted) part[chain] = "echo \"first\t" number "\t" chain "\t" wanted "\t$(sha256sum)\""
    }
    count[chain]++
    print address | whole[chain]
    if (count[chain] <= wanted) print address | part[chain]
}
function value(text,    field) {
    field = kind[depth] == "{" ? key[depth] : ""
    if (depth == 2 && key[1] == "meta") {
        if (field == "type") type = text
        if ((field == "seed" || field == "secrets") && text != "") spends = 1
    }
    if ((field == "secret_key" || field == "secret" || field == "private_key") && text != "") spends = 1
    if (!is_entry()) return
    if (field == "address") address = text
    if (field == "change") change = text
}
function is_entry() { return kind[depth] == "{" && kind[depth - 1] == "[" && key[depth - 2] == "entries" }
function word() {
    if (literal == "") return
    value(literal)
    literal = ""
}
function structure(text,    i, sign) {
    gsub(/[ \t\r\n]/, "", text)
    for (i = 1; i <= length(text); i++) {
        sign = substr(text, i, 1)
        if (!depth && (sign != "{" || closed[number])) broken = 1
        if (sign == "{" || sign == "[") {
            kind[++depth] = sign
            key[depth] = place[depth] = ""
            wants_key = sign == "{"
            address = change = ""
        } else if (sign == "}" || sign == "]") {
            word()
            if (kind[depth] != (sign == "}" ? "{" : "[")) broken = 1
            # v0.27.1 has one account, and the chain with each entry; later ones have accounts of chains.
            if (is_entry() && address != "")
                add(depth == 7 ? place[2] + 0 "/" place[4] + 0 : change != "" ? "0/" change : "-")
            address = change = ""
            if (depth) depth--
            if (!depth) closed[number] = 1
            wants_key = 0
        } else if (sign == ",") {
            word()
            if (kind[depth] == "{") wants_key = 1; else place[depth]++
        } else if (sign != ":") literal = literal sign
    }
}
NR == FNR { split($0, word_of, "\t"); first[word_of[1], word_of[2]] = word_of[3]; next }
FNR == 1 { if (number) finish(); begin() }
in_string {
    string = string $0
    if (match($0, /\\+$/) && RLENGTH % 2) { string = string "\""; next }
    if (wants_key) { key[depth] = string; wants_key = 0 } else value(string)
    in_string = 0
    next
}
{ structure($0); string = ""; in_string = 1 }
END { if (number) finish() }
' RS='\n' - RS='"' "$@"
