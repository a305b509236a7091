# SPDX-License-Identifier: Apache-2.0
"""A system call made by another process, as whoever runs code of his own in it could make it.

By ptrace, as root.  The call passes the process's own filter: one that is not in its list ends
it.
"""

import contextlib
import ctypes
import errno
import os
import platform
import re
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.restype = ctypes.c_long
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

SINGLESTEP, ATTACH, DETACH, GETREGSET, SETREGSET = 9, 16, 17, 0x4204, 0x4205
NT_PRSTATUS = 1
AT_FDCWD = -100 & 0xffffffffffffffff

# Of each machine: words of the registers, where call, arguments, result, pc and sp are among
# them, the instruction, and (openat, close).
MACHINES = {
    "x86_64": (27, 10, (14, 13, 12, 7), 10, 16, 19, b"\x0f\x05", (257, 3)),
    "aarch64": (34, 8, (0, 1, 2, 3), 0, 32, 31, b"\x01\x00\x00\xd4", (56, 57)),
}


def _ptrace(request, pid, address=0, data=0):
    if LIBC.ptrace(request, pid, address, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace {request}: {os.strerror(number)}")


class Inside:
    """A process that stands still until detach()."""

    def __init__(self, pid):
        (self.words, self.call, self.arguments, self.result, self.pc, self.sp, self.instruction,
         (self.openat, self.close)) = MACHINES[platform.machine()]
        self.pid = pid
        _ptrace(ATTACH, pid)
        os.waitpid(pid, 0x40000000)  # __WALL
        self.memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
        self.saved = self.registers()
        self.at = self.find_instruction()

    def registers(self):
        """All, as a list."""
        buf = ctypes.create_string_buffer(8 * self.words)
        vector = (ctypes.c_size_t * 2)(ctypes.addressof(buf), len(buf))
        _ptrace(GETREGSET, self.pid, NT_PRSTATUS, ctypes.addressof(vector))
        return list(struct.unpack(f"<{self.words}Q", buf.raw))

    def set_registers(self, values):
        """The same back."""
        buf = ctypes.create_string_buffer(struct.pack(f"<{self.words}Q", *values))
        vector = (ctypes.c_size_t * 2)(ctypes.addressof(buf), 8 * self.words)
        _ptrace(SETREGSET, self.pid, NT_PRSTATUS, ctypes.addressof(vector))

    def find_instruction(self):
        """Where one stands that makes a system call."""
        with open(f"/proc/{self.pid}/maps", encoding="ascii", errors="replace") as file:
            for line in file:
                found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp .*libc", line)
                if found:
                    start, end = (int(x, 16) for x in found.groups())
                    code = os.pread(self.memory, end - start, start)
                    return start + code.index(self.instruction)
        raise AssertionError("no libc there")

    def make(self, number, *arguments):
        """The call's result: negative errno, or not."""
        values = list(self.saved)
        if self.words == 27:
            values[15] = 0xffffffffffffffff  # no call to begin again
        values[self.call] = number
        for register, value in zip(self.arguments, arguments):
            values[register] = value
        values[self.pc] = self.at
        self.set_registers(values)
        _ptrace(SINGLESTEP, self.pid)
        status = os.waitpid(self.pid, 0x40000000)[1]
        if not os.WIFSTOPPED(status):
            raise ProcessLookupError(f"it ended: {status:#x}")
        result = self.registers()[self.result]
        return result - (1 << 64) if result >> 63 else result

    def open(self, path, flags=os.O_RDONLY):
        """0, or the errno of opening PATH there."""
        text = os.fsencode(path) + b"\0"
        where = (self.saved[self.sp] - 2048 - len(text)) & ~15
        before = os.pread(self.memory, len(text), where)
        os.pwrite(self.memory, text, where)
        try:
            fd = self.make(self.openat, AT_FDCWD, where, flags, 0)
            if fd >= 0:
                self.make(self.close, fd)
        finally:
            with contextlib.suppress(OSError):
                os.pwrite(self.memory, before, where)
        return 0 if fd >= 0 else -fd

    def detach(self):
        """It goes on where it was."""
        os.close(self.memory)
        with contextlib.suppress(OSError):
            self.set_registers(self.saved)
            _ptrace(DETACH, self.pid)


def opens(pid, *paths):
    """{path: the name of the error, "" for none} of opening them inside PID."""
    inside = Inside(pid)
    try:
        return {path: errno.errorcode.get(inside.open(path), "") for path in paths}
    finally:
        inside.detach()
