#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
Python's multiprocessing over the library: what children of each start method
do and leave behind changes nothing for the parent.  Field case 90.
"""
import ctypes
import multiprocessing
import os
import sys
import time

LIBRARY = "libaclipc.so.0"
LEDGER = "/sys/kernel/debug/ascend_sim/"
PARAMETERS = "/sys/module/%s/parameters/%s"
SIZE = 2 << 20
BOUND_S = 60
HOST_TO_DEVICE, DEVICE_TO_HOST = 1, 2


def call(name, *args):
    function = getattr(ctypes.CDLL("libascendcl.so"), name)
    error = function(*args)
    if error:
        raise OSError(f"{name}: {error}")


class Memory:
    """Exported memory, filled with one byte."""

    def __init__(self, byte):
        call("aclrtSetDevice", 0)
        self.address = ctypes.c_void_p()
        call("aclrtMalloc", ctypes.byref(self.address),
             ctypes.c_size_t(SIZE), 0)
        page = bytes([byte]) * 4096
        call("aclrtMemcpy", self.address, ctypes.c_size_t(len(page)), page,
             ctypes.c_size_t(len(page)), HOST_TO_DEVICE)
        key = ctypes.create_string_buffer(65)
        call("aclrtIpcMemGetExportKey", self.address, ctypes.c_size_t(SIZE),
             key, ctypes.c_size_t(65), ctypes.c_uint64(1))
        self.key = key.value

    def close(self):
        call("aclrtIpcMemClose", self.key)
        call("aclrtFree", self.address)


def use(key, leave_open):
    """In a child: import, read one byte; the exit may have to close."""
    call("aclrtSetDevice", 0)
    address = ctypes.c_void_p()
    call("aclrtIpcMemImportByKey", ctypes.byref(address), key,
         ctypes.c_uint64(0))
    byte = ctypes.create_string_buffer(1)
    call("aclrtMemcpy", byte, ctypes.c_size_t(1), address,
         ctypes.c_size_t(1), DEVICE_TO_HOST)
    if not leave_open:
        call("aclrtIpcMemClose", key)
    return byte.value[0]


def ledger(file, name):
    with open(LEDGER + file) as lines:
        for line in lines:
            word, value = line.split()
            if word == name:
                return int(value)
    raise KeyError(name)


def until(what):
    end = time.monotonic() + BOUND_S
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def parameter(module, name, value):
    with open(PARAMETERS % (module, name), "w") as file:
        file.write(str(value))


def children_that_use_nothing(method):
    """The parent's session is copied or not: its children do not touch it."""
    memory = Memory(7)
    destroyed = ledger("counts", "destroy")
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(abs, [-1, -2, 3]) == [1, 2, 3]
        # exit by themselves, not by a signal
        pool.close()
        pool.join()
    assert ledger("counts", "destroy") == destroyed
    memory.close()
    assert until(lambda: ledger("counts", "destroy") == destroyed + 1)


def children_that_import(method, leave_open):
    memory = Memory(9)
    destroyed = ledger("counts", "destroy")
    with multiprocessing.get_context(method).Pool(2) as pool:
        jobs = [(memory.key, leave_open)] * 4
        assert pool.starmap(use, jobs) == [9] * 4
        pool.close()
        if leave_open:
            memory.close()
            assert ledger("counts", "destroy") == destroyed
        pool.join()
    if not leave_open:
        memory.close()
    assert until(lambda: ledger("counts", "destroy") == destroyed + 1)


def tests():
    for method in multiprocessing.get_all_start_methods():
        yield f"{method}.nothing", children_that_use_nothing, (method,)
        # CANN does not work in a forked child of a process that uses it
        if method == "fork":
            continue
        for leave_open in False, True:
            yield (f"{method}.{'exit' if leave_open else 'close'}",
                   children_that_import, (method, leave_open))


def main():
    if not os.path.exists(LEDGER):
        print("1..0 # SKIP no stand-in driver")
        return 4
    if "LD_PRELOAD" not in os.environ:
        os.environ["LD_PRELOAD"] = LIBRARY
        os.execv(sys.executable, [sys.executable] + sys.argv)
    # what another test has done to the driver does not count here
    if not until(lambda: ledger("counts", "procs") == 0):
        print("Bail out! the driver still has processes")
        return 1
    with open(LEDGER + "reset", "w") as file:
        file.write("1")
    parameter("ascend_sim", "teardown_max_ms", 20)
    parameter("aclipc", "settle_ms", 200)
    cases = list(tests())
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    for nr, (name, function, args) in enumerate(cases, 1):
        result = "ok"
        try:
            function(*args)
            assert ledger("violations", "total") == 0, "order broken"
        except (AssertionError, OSError) as error:
            print(f"# {error!r}")
            result = "not ok"
            failed = 1
        print(f"{result} {nr} {name}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
