// SPDX-License-Identifier: GPL-2.0
/* Model: what a mutated call is answered before anybody looks at the key. */
#include "model.h"

bool mut_fits(enum op op, enum mut mut)
{
	if (op == OP_read)
		return mut == MUT_null || mut == MUT_unmapped ||
		       mut == MUT_edge || mut == MUT_none;
	if (!op_is_ioctl(op) || op == OP_badcmd)
		return mut == MUT_none;
	switch (mut) {
	case MUT_reserved:
		return op == OP_export || op_is_close(op);
	case MUT_no_key:
	case MUT_hole:
		return op != OP_info;
	case MUT_op:
	case MUT_timeout:
		return op_is_close(op);
	case MUT_wrap:
		return op == OP_export;
	case MUT_aux:
	case MUT_count:
		return op == OP_allow || op == OP_holders;
	case MUT_reason:
		return op == OP_revoke;
	default:
		return true;
	}
}

int mut_refused(const struct step *s)
{
	if (!mut_fits(s->op, s->mut))
		return 0;
	switch (s->mut) {
	case MUT_null:
	case MUT_kernel:
	case MUT_unmapped:
	case MUT_cut:
	case MUT_readonly:
		return -EFAULT;
	case MUT_dirty:
	case MUT_huge:
		return -E2BIG;
	case MUT_flag:
		return -EOPNOTSUPP;
	case MUT_small:
	case MUT_zero_size:
	case MUT_reserved:
	case MUT_no_key:
	case MUT_hole:
	case MUT_op:
	case MUT_timeout:
	case MUT_wrap:
	case MUT_count:
	case MUT_reason:
		return -EINVAL;
	default:
		return 0;
	}
}
