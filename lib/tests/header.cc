// SPDX-License-Identifier: LGPL-2.1-only
// The public header is good C++, alone and first.
#include <aclipc.h>

int main()
{
	struct aclipc_key key;

	return aclipc_key_from_string(&key, "key", 3) ||
	       aclipc_import(nullptr, &key, nullptr, nullptr) == 0;
}
