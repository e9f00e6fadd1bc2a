#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# efi.sh CERTIFICATE KEY KERNEL OUT: what a VM with Secure Boot needs whose only
# trusted key is this one: the variables OUT.fd, the signed kernel OUT.kernel.
set -eu

cert=$1
key=$2
kernel=$3
out=$4
owner=8be4df61-93ca-11d2-aa0d-00e098032b8c

openssl x509 -inform der -in "$cert" -out "$out.pem"
cert-to-efi-sig-list -g $owner "$out.pem" "$out.esl"
cp /usr/share/OVMF/OVMF_VARS_4M.fd "$out.fd"
for variable in db KEK PK; do
	flash-var "$out.fd" $variable "$out.esl" > "$out.log"
done
sbsign --key "$key" --cert "$out.pem" --output "$out.kernel" "$kernel" \
	2> "$out.log"
