"""A filter of system calls for the sandbox, as a program for the kernel's seccomp.

Bubblewrap alone leaves ways to memory that no limit counts, to a neighbour's processor and, on a
virtual machine, to its host. The filter refuses the calls that open them; nothing that a notebook
does needs one. A refused call returns an error, so a library that merely tries one goes on.
"""

import errno
import platform
import struct

# Values from the kernel's own headers: linux/filter.h, linux/seccomp.h, linux/audit.h.
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERROR, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
X32 = 0x40000000  # from here on, x86-64's second set of numbers for the same calls
NEW_USER_NAMESPACE = 0x10000000
# Unix, internet (where there is no network to reach), and what asks the kernel about interfaces.
# Virtual machines have more, such as a socket to the host that no network namespace holds back.
SOCKETS = (1, 2, 10, 16)

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
COLUMNS = tuple(ARCHITECTURES)
# The same calls by architecture: asm/unistd_64.h, asm-generic/unistd.h.
CLONE, CLONE3, SOCKET = (56, 220), (435, 435), (41, 198)
REFUSED = {
    # a namespace of one's own has new privileges, and file systems in memory without a limit
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # memory that belongs to no process
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    # the neighbour's processor
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    # large parts of the kernel that notebooks do without
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "personality": (135, 92),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}


def make_filter(machine: str | None = None) -> bytes:
    """Return the filter as bubblewrap's ``--seccomp`` reads it.

    Raises:
        ValueError: for a processor whose calls are not listed here.
    """
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        raise ValueError(
            f"no filter of system calls for the processor {machine}: "
            f"grade on one of {', '.join(ARCHITECTURES)}."
        )
    column = COLUMNS.index(machine)
    refuse = _answer(ERROR | errno.EPERM)
    program = [
        _step(LOAD, ARCHITECTURE),
        *_unless(EQUAL, ARCHITECTURES[machine], _answer(KILL)),
        _step(LOAD, NUMBER),
        *_when(AT_LEAST, X32, _answer(KILL)),
        # A library then uses clone, whose flags can be seen here.
        *_when(EQUAL, CLONE3[column], _answer(ERROR | errno.ENOSYS)),
    ]
    for numbers in REFUSED.values():
        program += _when(EQUAL, numbers[column], refuse)
    program += _when(
        EQUAL,
        CLONE[column],
        _step(LOAD, FIRST_ARGUMENT),
        *_when(ANY_BIT, NEW_USER_NAMESPACE, refuse),
        _answer(ALLOW),
    )
    families = [step for family in SOCKETS for step in _when(EQUAL, family, _answer(ALLOW))]
    program += _when(EQUAL, SOCKET[column], _step(LOAD, FIRST_ARGUMENT), *families, refuse)
    return b"".join([*program, _answer(ALLOW)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)  # struct sock_filter


def _answer(value: int) -> bytes:
    return _step(RETURN, value)


def _when(test: int, value: int, *steps: bytes) -> list[bytes]:
    return [_step(test, value, 0, len(steps)), *steps]


def _unless(test: int, value: int, *steps: bytes) -> list[bytes]:
    return [_step(test, value, len(steps), 0), *steps]
