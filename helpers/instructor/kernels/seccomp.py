"""The filter of system calls, compiled for this machine: what a learner's code never needs.

The namespaces and the lost privileges already contain a box. The filter makes the kernel's less
tested doors unreachable, and closes the stores of memory that no process is charged for.
"""

import platform
import struct

# name -> numbers on x86_64 and aarch64 (None where there is no such call)
DENIED: dict[str, tuple[int | None, int | None]] = {
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "kcmp": (312, 272),
    # mounts and namespaces
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "unshare": (272, 97), "setns": (308, 268), "mount_setattr": (442, 442),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # the kernel itself
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "syslog": (103, 116), "acct": (163, 89),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "iopl": (172, None), "ioperm": (173, None),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266),
    "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162),
    # memory that counts for no process
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "msgget": (68, 186), "mq_open": (240, 180), "vmsplice": (278, 75),
}  # fmt: skip
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
SOCKET, CLONE, CLONE3 = (41, 198), (56, 220), (435, 435)
X32 = 0x40000000  # x86_64 only: the same calls under other numbers

_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_NEW_NAMESPACES = 0x7E020000  # the CLONE_NEW… flags of clone
# libzmq aborts when it may not open an internet socket; the namespace has no network to reach
_FAMILIES = (1, 2, 10, 16)  # unix, inet, inet6, netlink

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

Instruction = tuple[int, int, int, int]


def supported() -> bool:
    """Whether this machine's system calls are known here."""
    return platform.machine() in ARCHITECTURES


def compile_filter(machine: str | None = None) -> bytes:
    """The filter as classic BPF for this machine (or "x86_64", "aarch64"), for prctl and bwrap.

    Raises ValueError on a machine whose numbers are not known.
    """
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ValueError(f"system calls are known for {known}; this machine is {machine}")
    audit, column = ARCHITECTURES[machine]
    program = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, audit), _give(_KILL)]
    program.append((_LOAD, 0, 0, _NUMBER))
    if machine == "x86_64":
        program += [(_AT_LEAST, 0, 1, X32), _give(_REFUSE | _EPERM)]
    for numbers in DENIED.values():
        number = numbers[column]
        if number is not None:
            program += [(_EQUAL, 0, 1, number), _give(_REFUSE | _EPERM)]
    # glibc falls back from clone3, whose flags a filter cannot read, to clone
    program += [(_EQUAL, 0, 1, CLONE3[column]), _give(_REFUSE | _ENOSYS)]
    program += _filter_clone(CLONE[column])
    program += _filter_socket(SOCKET[column])
    program.append(_give(_ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _give(verdict: int) -> Instruction:
    return (_RETURN, 0, 0, verdict)


def _filter_clone(number: int) -> list[Instruction]:
    refuse = _give(_REFUSE | _EPERM)
    test = [(_LOAD, 0, 0, _FIRST_ARGUMENT), (_ANY_BIT, 0, 1, _NEW_NAMESPACES)]
    return [(_EQUAL, 0, 4, number), *test, refuse, _give(_ALLOW)]


def _filter_socket(number: int) -> list[Instruction]:
    count = len(_FAMILIES)
    tests = [(_EQUAL, count - i, 0, family) for i, family in enumerate(_FAMILIES)]
    body = [(_LOAD, 0, 0, _FIRST_ARGUMENT), *tests, _give(_REFUSE | _EAFNOSUPPORT), _give(_ALLOW)]
    return [(_EQUAL, 0, len(body), number), *body]
