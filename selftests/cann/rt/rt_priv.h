/* SPDX-License-Identifier: GPL-2.0 */
/* Inside of the stand-in libruntime.so. */
#ifndef _CANN_RT_PRIV_H
#define _CANN_RT_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "npu_driver.h"

#define RT_LOCAL __attribute__((visibility("hidden")))
#define RT_MAX_DEV 16

/* device.c */
RT_LOCAL const struct npu_driver *rt_driver(void);
RT_LOCAL int rt_generation(void);
RT_LOCAL bool rt_context(uint32_t *devid);
RT_LOCAL int rt_set_device(int32_t devid);
RT_LOCAL int rt_reset_device(int32_t devid, bool force);

/* error.c */
RT_LOCAL int rt_error(int code, const char *what);
RT_LOCAL const char *rt_error_take(void);

#endif /* _CANN_RT_PRIV_H */
