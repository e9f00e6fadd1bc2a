// SPDX-License-Identifier: LGPL-2.1-only
/* Hooks: the calls that close a device. */

#include "internal.h"

struct device_call {
	uint32_t device;
	halDevCloseIn *in;
	uint32_t flag;
};

/*
 * The runtime takes halDeviceClose for present because it is defined here.
 * Where the HAL has none, do what the runtime would do without it.
 */
static drvError_t hal_device_close_next(void *data)
{
	struct device_call *call = data;
	drvError_t drv;

	if (NEXT(halDeviceClose))
		return NEXT(halDeviceClose)(call->device, call->in);
	if (!NEXT(drvDeviceClose) || !NEXT(drvMemDeviceClose) ||
	    (call->in && call->in->close_type == DEV_CLOSE_HOST_USER))
		return DRV_ERROR_NOT_SUPPORT;
	drv = NEXT(drvDeviceClose)(call->device);
	return drv ? drv : NEXT(drvMemDeviceClose)(call->device);
}

HOOK drvError_t halDeviceClose(uint32_t devid, halDevCloseIn *in)
{
	struct device_call call = { .device = devid, .in = in };
	bool all = in && in->close_type == DEV_CLOSE_HOST_USER;

	if (self.in_next)
		return hal_device_close_next(&call);
	GUARD();
	return device_close(all ? DEVICE_ALL : devid, hal_device_close_next,
			    &call);
}

static drvError_t drv_mem_device_close_next(void *data)
{
	struct device_call *call = data;

	return NEXT(drvMemDeviceClose) ?
	       NEXT(drvMemDeviceClose)(call->device) : DRV_ERROR_NOT_SUPPORT;
}

HOOK int drvMemDeviceClose(uint32_t devid)
{
	struct device_call call = { .device = devid };

	if (self.in_next)
		return drv_mem_device_close_next(&call);
	GUARD();
	return device_close(devid, drv_mem_device_close_next, &call);
}

static drvError_t hal_mem_agent_close_next(void *data)
{
	struct device_call *call = data;

	return NEXT(halMemAgentClose) ?
	       NEXT(halMemAgentClose)(call->device, call->flag) :
	       DRV_ERROR_NOT_SUPPORT;
}

HOOK drvError_t halMemAgentClose(uint32_t devid, uint32_t flag)
{
	struct device_call call = { .device = devid, .flag = flag };

	if (self.in_next)
		return hal_mem_agent_close_next(&call);
	GUARD();
	return device_close(devid, hal_mem_agent_close_next, &call);
}
