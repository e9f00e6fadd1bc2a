# SPDX-License-Identifier: GPL-2.0
# The uapi header as it may be N releases from now (-v n=N): a later ABI number,
# and N more fields at the end of each struct that an ioctl takes.
/^#define ACLIPC_ABI_VERSION/ { $0 = "#define ACLIPC_ABI_VERSION\t" $NF + n }
/^struct aclipc_(info|export|allow|import|close|query|holders|revoke) \{/ {
	inside = 1
	nr++
}
/^};/ {
	for (i = 1; inside && i <= n; i++)
		print "\t__aligned_u64 later" i ";"
	inside = 0
}
{ print }
END { exit nr != 8 }
